import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { AnalyzePathRequestSchema, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import {
  Direction,
  PortRangeSchema,
  Protocol,
  SecurityGroupRuleSchema,
  SecurityGroupSchema,
} from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { Hop } from "../../../backends/network/driver.ts";
import { openSmallCloud, outcome, rival, type SmallCloud } from "../../testing/small-cloud.ts";
import { asSeenBy, packetOf } from "./analyze.ts";

let cloud: SmallCloud;
let from: string;
let to: { id: string; ip: string };
beforeAll(async () => {
  cloud = await openSmallCloud();
  const vpc = await cloud.make(VpcSchema, { name: "main", cidr: "10.0.0.0/16" });
  const subnet = await cloud.make(SubnetSchema, { name: "web", vpcId: vpc.id, cidr: "10.0.1.0/24" });
  const web = {
    direction: Direction.INGRESS,
    protocol: Protocol.TCP,
    portRange: create(PortRangeSchema, { first: 80 }),
  };
  const rules = { web: create(SecurityGroupRuleSchema, web) };
  const group = await cloud.make(SecurityGroupSchema, { name: "web", rules });
  from = (await cloud.make(PortSchema, { name: "a", subnetId: subnet.id })).id;
  const port = await cloud.make(PortSchema, { name: "b", subnetId: subnet.id, securityGroupIds: [group.id] });
  to = { id: port.id, ip: port.ipAddress ?? "" };
});
afterAll(() => cloud.stop());

describe("AnalyzePath", () => {
  test.each([
    [Protocol.TCP, 80, true, /rule web of sg-/],
    [Protocol.TCP, 81, false, /no ingress rule of port-\w+ allows it/],
    [Protocol.ICMP, 0, false, /no ingress rule of port-\w+ allows it/],
  ])("of protocol %p to port %p says %p", async (protocol, port, delivered, reason) => {
    const answer = await cloud.ask(PortSchema, "AnalyzePath", { id: from, destination: to.ip, protocol, port });
    expect(answer).toMatchObject({ delivered, reason: expect.stringMatching(reason) });
  });

  test.each([
    [{ destination: "" }, "INVALID_FIELDS destination:required"],
    [{ destination: "nowhere" }, "INVALID_FIELDS destination:format"],
    [{ protocol: Protocol.UNSPECIFIED }, "INVALID_FIELDS protocol:required"],
    [{ protocol: Protocol.UDP, port: 0 }, "INVALID_FIELDS port:required"],
    [{ protocol: Protocol.ICMP, port: 7 }, "INVALID_FIELDS port:conflict"],
    [{ port: 70_000 }, "INVALID_FIELDS port:range"],
    [{ id: "port-00000000000000000000000000" }, "NOT_FOUND"],
    [rival, "NOT_FOUND"],
  ])("of %p is refused with %p", async (wrong, expected) => {
    const request = { id: from, destination: to.ip, protocol: Protocol.TCP, port: 80, ...wrong };
    expect(await outcome(cloud.ask(PortSchema, "AnalyzePath", request))).toBe(expected);
  });

  test("asks the backend for addresses in one form", () => {
    const request = create(AnalyzePathRequestSchema, { destination: "FD00:0::1", protocol: Protocol.ICMP });
    expect(packetOf("port-1", request)).toEqual({ fromPortId: "port-1", toIp: "fd00::1", protocol: "icmp" });
  });
});

describe("the path as a tenant sees it", () => {
  const hop = (type: Hop["type"], id: string, owner: string): Hop => ({ type, id, owner, action: `${id} does it` });
  const mine = [hop("port", "port-1", "acme/alpha"), hop("external-network", "extnet-1", "")];
  const hidden = { kind: "", id: "", action: "it goes on where you can't see it" };

  test("names its own things and the system's, by their kinds", () => {
    const { hops, reason } = asSeenBy("acme/alpha", { reached: true, because: "rule a allows it", hops: mine });
    expect(hops).toMatchObject([
      { kind: "port", id: "port-1", action: "port-1 does it" },
      { kind: "external_network", id: "extnet-1" },
    ]);
    expect(reason).toBe("rule a allows it");
  });

  test.each([true, false])("ends where another's begins, and tells nothing of it (delivered: %p)", (reached) => {
    const hops = [...mine, hop("filter", "sg-9", "rival/alpha"), hop("port", "port-2", "acme/alpha")];
    const answer = asSeenBy("acme/alpha", { reached, because: "rule secret of sg-9 decides", hops });
    expect(answer.hops.slice(2)).toMatchObject([hidden]);
    expect(answer).toMatchObject({ delivered: reached, reason: expect.stringContaining("another tenant") });
    expect(JSON.stringify(answer)).not.toMatch(/sg-9|secret|port-2/);
  });
});
