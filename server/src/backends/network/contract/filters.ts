// What every network driver must do: packet filters.
import { expect, test } from "@jest/globals";
import type { FilterRule } from "../driver.ts";
import { inOrder, owner, sampleNetwork } from "./samples.ts";
import type { Trial } from "./trial.ts";

const allowWeb: FilterRule = {
  name: "web",
  direction: "ingress",
  protocol: "tcp",
  ports: { first: 80, last: 81 },
  remote: { type: "any" },
};

export function filterTests(trial: Trial): void {
  test("drops what no rule lets in", async () => {
    await trial.ensureAll(inOrder(sampleNetwork("deny")));
    const packet = { fromPortId: "port-deny-1", toIp: "10.0.2.10", protocol: "tcp", port: 80 } as const;
    expect(await trial.driver.reaches(packet, trial.signal)).toMatchObject({ reached: false });
  });

  test("lets in what a rule allows, by protocol and port, also from another subnet", async () => {
    await trial.ensureAll(inOrder(sampleNetwork("web", [allowWeb])));
    const packet = { fromPortId: "port-web-1", toIp: "10.0.2.10" } as const;
    expect(await trial.reached({ ...packet, protocol: "tcp", port: 80 })).toBe(true);
    expect(await trial.reached({ ...packet, protocol: "tcp", port: 81 })).toBe(true);
    expect(await trial.reached({ ...packet, protocol: "tcp", port: 82 })).toBe(false);
    expect(await trial.reached({ ...packet, protocol: "udp", port: 80 })).toBe(false);
    expect(await trial.reached({ ...packet, protocol: "icmp" })).toBe(false);
  });

  test("follows a changed filter", async () => {
    const sample = sampleNetwork("changed", [allowWeb]);
    await trial.ensureAll(inOrder(sample));
    const packet = { fromPortId: "port-changed-1", toIp: "10.0.2.10", protocol: "icmp" } as const;
    expect(await trial.reached(packet)).toBe(false);
    const ping: FilterRule = { name: "ping", direction: "ingress", protocol: "icmp", remote: { type: "any" } };
    await trial.ensureAll([sample.router, { ...sample.filter, rules: [ping] }]);
    expect(await trial.reached(packet)).toBe(true);
    expect(await trial.reached({ ...packet, protocol: "tcp", port: 80 })).toBe(false);
  });

  test("lets in by remote group: its members and nobody else", async () => {
    const sample = sampleNetwork("group");
    const web = { type: "filter", id: "sg-group-web", owner, rules: [] } as const;
    const fromWeb: FilterRule = { ...allowWeb, remote: { type: "group", securityGroupId: web.id } };
    const objects = inOrder({ ...sample, filter: { ...sample.filter, rules: [fromWeb] } });
    await trial.ensureAll(objects);
    const packet = { fromPortId: "port-group-1", toIp: "10.0.2.10", protocol: "tcp", port: 80 } as const;
    expect(await trial.reached(packet)).toBe(false);
    await trial.ensureAll([web, { ...sample.ports[0], securityGroupIds: [sample.filter.id, web.id] }, sample.router]);
    expect(await trial.reached(packet)).toBe(true);
  });

  test("means by a remote group its members in the same VPC: who has the address of one elsewhere is a stranger", async () => {
    const web = { type: "filter", id: "sg-twin-web", owner, rules: [] } as const;
    const fromWeb: FilterRule = { ...allowWeb, remote: { type: "group", securityGroupId: web.id } };
    const [here, there] = [sampleNetwork("twin", [fromWeb]), sampleNetwork("twin2")];
    const groups = [here.filter.id, web.id];
    const members = [here.ports[1], there.ports[0]].map((port) => ({ ...port, securityGroupIds: groups }));
    await trial.ensureAll([web, ...inOrder(here), ...inOrder(there), ...members, here.router]);
    const packet = { fromPortId: here.ports[0].id, toIp: "10.0.2.10", protocol: "tcp", port: 80 } as const;
    expect(await trial.reached(packet)).toBe(false);
    await trial.ensureAll([{ ...here.ports[0], securityGroupIds: groups }, here.router]);
    expect(await trial.reached(packet)).toBe(true);
  });

  test("lets in by remote CIDR", async () => {
    const from = (cidr: string): FilterRule => ({ ...allowWeb, remote: { type: "cidr", cidr } });
    const sample = sampleNetwork("cidr");
    const packet = { fromPortId: "port-cidr-1", toIp: "10.0.2.10", protocol: "tcp", port: 80 } as const;
    for (const [cidr, expected] of [
      ["10.0.1.0/24", true],
      ["10.0.1.10/32", true],
      ["10.0.2.0/24", false],
      ["0.0.0.0/0", true],
    ] as const) {
      await trial.ensureAll(inOrder({ ...sample, filter: { ...sample.filter, rules: [from(cidr)] } }));
      expect({ cidr, reached: await trial.reached(packet) }).toEqual({ cidr, reached: expected });
    }
  });

  test("lets in by address group, and follows the group", async () => {
    const sample = sampleNetwork("addresses");
    const offices = { type: "addresses", id: "ag-offices", owner } as const;
    const fromOffices: FilterRule = { ...allowWeb, remote: { type: "addresses", addressGroupId: offices.id } };
    await trial.ensureAll(inOrder({ ...sample, filter: { ...sample.filter, rules: [fromOffices] } }));
    const packet = { fromPortId: "port-addresses-1", toIp: "10.0.2.10", protocol: "tcp", port: 80 } as const;
    expect(await trial.reached(packet)).toBe(false);
    await trial.ensureAll([{ ...offices, cidrs: ["192.0.2.0/24", "10.0.1.0/24"] }, sample.router]);
    expect(await trial.reached(packet)).toBe(true);
    await trial.ensureAll([{ ...offices, cidrs: ["192.0.2.0/24"] }, sample.router]);
    expect(await trial.reached(packet)).toBe(false);
  });

  test("lets everything out until a first egress rule says where to", async () => {
    const out: FilterRule = { name: "out", direction: "egress", protocol: "udp", remote: { type: "any" } };
    const anything: FilterRule = { name: "in", direction: "ingress", protocol: "any", remote: { type: "any" } };
    const sample = sampleNetwork("egress", [anything, out]);
    await trial.ensureAll(inOrder(sample));
    const packet = { fromPortId: "port-egress-1", toIp: "10.0.2.10", port: 80 } as const;
    expect(await trial.reached({ ...packet, protocol: "udp" })).toBe(true);
    expect(await trial.reached({ ...packet, protocol: "tcp" })).toBe(false);
  });
}
