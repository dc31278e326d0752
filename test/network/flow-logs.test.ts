// Flow logs, by packets: what a rule allowed and what none allowed is written down for the tenant whose VPC it was, and for nobody else.
import { mkdtemp, rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type FlowCollector, startFlowCollector } from "../../server/src/agent/flows/collector.ts";
import { FlowStore } from "../../server/src/agent/flows/flow-store.ts";
import type { FlowRecord } from "../../server/src/backends/network/flow-source.ts";
import { silentLog } from "../../server/src/engine/hooks.ts";
import { describeOnOvn, eventually, type Field, type Guest, startField } from "./field.ts";
import { TenantObjects } from "./objects.ts";

/** Records come after a flow's five seconds, and the host's own delays. */
const patienceMs = 30_000;

describeOnOvn("flow logs", () => {
  const acme = new TenantObjects("acme");
  const rival = new TenantObjects("rival");
  let field: Field;
  let dir: string;
  let flows: FlowStore;
  let collectors: FlowCollector[];
  let sender: Guest;
  let server: Guest;

  const flowLog = ({ tag, owner, vpcId }: TenantObjects, name: string, verdicts: "all" | "dropped") =>
    ({ type: "flow-log", id: `flowlog-${tag}-${name}`, owner, vpcId, verdicts }) as const;

  beforeAll(async () => {
    field = await startField();
    dir = await mkdtemp("/tmp/pf");
    flows = new FlowStore({ dir });
    const { northbound, hosts } = field.lab.ovn;
    collectors = await Promise.all(
      hosts.map((host) => startFlowCollector({ host, northbound, sink: flows, log: silentLog })),
    );
    for (const tenant of [acme, rival]) {
      await field.tenant(tenant, 1);
      await field.ensure(
        tenant.group("web", [
          {
            name: "http",
            direction: "ingress",
            protocol: "tcp",
            ports: { first: 80, last: 80 },
            remote: { type: "any" },
          },
        ]),
        flowLog(tenant, "all", "all"),
      );
    }
    const out = { direction: "egress", remote: { type: "any" } } as const;
    const rules = [
      { ...out, name: "out", protocol: "tcp" },
      { ...out, name: "ping", protocol: "icmp" },
    ] as const;
    await field.ensure(acme.group("callers", rules), flowLog(acme, "drops", "dropped"));
    sender = await field.guest(acme.port(1, 10, ["callers"]));
    server = await field.guest(acme.port(1, 11, ["web"]), { host: 1 });
  }, 90_000);
  afterAll(async () => {
    await Promise.all((collectors ?? []).map((collector) => collector.stop()));
    await field?.stop();
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  }, 30_000);

  async function records(id: string): Promise<readonly FlowRecord[]> {
    return (await flows.read(id, "", 1_000))?.records ?? [];
  }

  async function untilRecorded(id: string, is: (record: FlowRecord) => boolean): Promise<FlowRecord | undefined> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const found = await eventually(
        async () => (await records(id)).find(is),
        (record) => record !== undefined,
      );
      if (found !== undefined || Date.now() > deadline) return found;
    }
  }

  const toServer = { sourceAddress: "10.0.1.10", destinationAddress: "10.0.1.11" };
  const isTo =
    (destinationPort: number, direction: FlowRecord["direction"] = "ingress") =>
    (record: FlowRecord) =>
      record.direction === direction && record.destinationPort === destinationPort;

  test("name the rules that let a connection out and in, and the ports that it came from and to", async () => {
    const stop = await server.serveTcp(80, "hello");
    expect(await sender.connects("10.0.1.11", 80)).toBe("hello");
    await stop();
    expect(await untilRecorded("flowlog-acme-all", isTo(80))).toMatchObject({
      verdict: "allowed",
      portId: "port-acme-1-11",
      filterId: "sg-acme-web",
      rule: "http",
      protocol: "tcp",
      ...toServer,
    });
    expect(await untilRecorded("flowlog-acme-all", isTo(80, "egress"))).toMatchObject({
      verdict: "allowed",
      portId: "port-acme-1-10",
      filterId: "sg-acme-callers",
      rule: "out",
      protocol: "tcp",
      ...toServer,
    });
  }, 60_000);

  test("name no rule for what none allowed", async () => {
    const attempts = [sender.connects("10.0.1.11", 81), sender.echoes("10.0.1.11", 83)];
    expect(await Promise.all(attempts)).toEqual([undefined, false]);
    const dropped = { verdict: "dropped", filterId: "", rule: "", ...toServer };
    const [into, out] = [
      { ...dropped, portId: "port-acme-1-11", protocol: "tcp" },
      { ...dropped, portId: "port-acme-1-10", protocol: "udp" },
    ];
    for (const id of ["flowlog-acme-all", "flowlog-acme-drops"]) {
      expect(await untilRecorded(id, isTo(81))).toMatchObject(into);
      expect(await untilRecorded(id, isTo(83, "egress"))).toMatchObject(out);
    }
  }, 60_000);

  test("tell of IPv6 and of pings, too", async () => {
    await sender.pings("fd00:10:0:1::11");
    const ping = (record: FlowRecord) => record.protocol === "icmp" && record.direction === "ingress";
    expect(await untilRecorded("flowlog-acme-all", ping)).toMatchObject({
      verdict: "dropped",
      portId: "port-acme-1-11",
      sourceAddress: "fd00:10:0:1::10",
      destinationAddress: "fd00:10:0:1::11",
      sourcePort: 0,
    });
  }, 60_000);

  test("hold what they were asked for, and nothing of another tenant with the same addresses", async () => {
    await sender.connects("10.0.1.11", 82);
    await untilRecorded("flowlog-acme-drops", isTo(82));
    expect(new Set((await records("flowlog-acme-drops")).map(({ verdict }) => verdict))).toEqual(new Set(["dropped"]));
    expect(await records("flowlog-rival-all")).toEqual([]);
  }, 60_000);
});
