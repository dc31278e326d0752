// The floor: connect-node with one method that answers a constant Vpc, and nothing else.
import { createServer } from "node:http";
import { create } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { VpcSchema, VpcService } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";

const vpc = create(VpcSchema, {
  id: "vpc-01m8128wwqbcyf5kge5rb290g3",
  orgId: "acme",
  projectId: "alpha",
  name: "main",
  etag: "mwrihbpz-1",
  createTime: { seconds: 1_795_332_273n, nanos: 47_000_000 },
  updateTime: { seconds: 1_795_332_273n, nanos: 47_000_000 },
  status: { state: 2, backend: "simulated", observedVersion: 1n },
  owner: "sa-01m8128wrvyfffygxw4ndt62aq",
  cidr: "10.0.0.0/16",
});
const handler = connectNodeAdapter({ routes: (router) => void router.rpc(VpcService.method.getVpc, () => vpc) });
const server = createServer(handler);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const body = JSON.stringify({ org_id: "acme", project_id: "alpha", id: vpc.id });
  process.send?.({ port, path: "/prismnet.v1.VpcService/GetVpc", body, token: "" });
});
process.once("disconnect", () => process.exit(0));
