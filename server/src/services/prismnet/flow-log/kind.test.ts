import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { FlowLogSchema, FlowVerdict } from "@photoncloud/proto/gen/prismnet/v1/flow_log_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import type { FlowRecord } from "../../../backends/network/flow-source.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { acme, openSmallCloud, outcome, rival, type SmallCloud } from "../../testing/small-cloud.ts";
import { flowLogReconciler } from "./kind.steps.ts";

const record: FlowRecord = {
  startMs: 1_000,
  endMs: 2_500,
  verdict: "allowed",
  direction: "ingress",
  portId: "port-1",
  sourceAddress: "10.0.1.2",
  destinationAddress: "10.0.1.3",
  protocol: "tcp",
  sourcePort: 40_000,
  destinationPort: 80,
  filterId: "sg-1",
  rule: "web",
  packets: 3,
};

let cloud: SmallCloud;
let vpcId: string;
let refused = 0;
const asked: unknown[] = [];
beforeAll(async () => {
  cloud = await openSmallCloud({
    flows: {
      async read(id, cursor, limit) {
        asked.push([id, cursor, limit]);
        return cursor === "elsewhere" ? undefined : { records: [record], cursor: "1-80" };
      },
    },
  });
  vpcId = (await cloud.make(VpcSchema, { name: "main", cidr: "10.0.0.0/16" })).id;
});
afterAll(() => cloud.stop());

test("a flow log asks the hosts for what it names, and follows its changes", async () => {
  const { id } = await cloud.make(FlowLogSchema, { name: "all", vpcId });
  const held = () => cloud.drivers.network.snapshot()[`flow-log/${id}`];
  expect(held()).toEqual({ type: "flow-log", id, owner: "acme/alpha", vpcId, verdicts: "all" });
  await cloud.update(FlowLogSchema, id, { verdict: FlowVerdict.DROPPED }, ["verdict"]);
  await cloud.ready(FlowLogSchema, id);
  expect(held()).toMatchObject({ verdicts: "dropped" });
  await cloud.delete(FlowLogSchema, id);
  await cloud.gone(FlowLogSchema, id);
  expect(held()).toBeUndefined();
});

test("a flow log is of a VPC of its own tenant, which stays while it is there", async () => {
  const stray = cloud.create(FlowLogSchema, { ...rival, name: "theirs", vpcId });
  expect(await outcome(stray)).toBe("INVALID_FIELDS vpc_id:unknown_reference");
  await cloud.make(FlowLogSchema, { name: "holds", vpcId });
  expect(await outcome(cloud.delete(VpcSchema, vpcId))).toBe("STILL_REFERENCED");
});

describe("ReadFlowLog", () => {
  test("answers a page and where to go on", async () => {
    const { id } = await cloud.make(FlowLogSchema, { name: "read", vpcId });
    const page = await cloud.ask(FlowLogSchema, "ReadFlowLog", { id, cursor: "1-0", pageSize: 7 });
    expect(asked.at(-1)).toEqual([id, "1-0", 7]);
    expect(page).toMatchObject({
      nextCursor: "1-80",
      records: [{ verdict: FlowVerdict.ALLOWED, portId: "port-1", securityGroupId: "sg-1", rule: "web", packets: 3n }],
    });
    await cloud.ask(FlowLogSchema, "ReadFlowLog", { id });
    expect(asked.at(-1)).toEqual([id, "", 100]);
  });

  test.each([
    [{ pageSize: 1_001 }, "INVALID_FIELDS page_size:range"],
    [{ pageSize: -1 }, "INVALID_FIELDS page_size:range"],
    [{ cursor: "elsewhere" }, "BAD_CURSOR cursor:format"],
    [rival, "NOT_FOUND"],
  ])("of %p is refused with %p", async (wrong, expected) => {
    const { id } = await cloud.make(FlowLogSchema, { name: `refused-${++refused}`, vpcId });
    expect(await outcome(cloud.ask(FlowLogSchema, "ReadFlowLog", { id, ...wrong }))).toBe(expected);
  });
});

fiveLaws<typeof FlowLogSchema, SimulatedDrivers>({
  name: "FlowLog",
  reconciler: flowLogReconciler,
  makeResource: () => create(FlowLogSchema, { ...acme, id: "flowlog-1", name: "all", vpcId: "vpc-1" }),
  drivers: () => ({ ...simulatedDrivers() }),
  prepare: ({ network }) =>
    network.ensure(
      { type: "router", id: "vpc-1", owner: "acme/alpha", cidrs: ["10.0.0.0/16"] },
      new AbortController().signal,
    ),
  snapshot: ({ network }) => network.snapshot(),
});
