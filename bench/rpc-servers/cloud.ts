// The whole server with one VPC, and a tenant's token to read it.
import { postJson, startTestCloud } from "@photoncloud/server/testing";

const cloud = await startTestCloud();
const { orgId, projectId, token } = await cloud.tenant("acme", "alpha");
const made = await postJson(
  cloud.url,
  "prismnet.v1.VpcService/CreateVpc",
  { orgId, projectId, name: "main", cidr: "10.0.0.0/16" },
  token,
);
const body = JSON.stringify({ org_id: orgId, project_id: projectId, id: made.body.id });
process.send?.({ port: Number(new URL(cloud.url).port), path: "/prismnet.v1.VpcService/GetVpc", body, token });
process.once("disconnect", () => {
  cloud.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
