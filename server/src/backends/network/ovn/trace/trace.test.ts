// OVN's traces, recorded from ovn-trace 23.03.1 over the network of testing/world.ts, as they are told to a tenant.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { DriverError } from "../../../driver-error.ts";
import type { Packet } from "../../driver.ts";
import { traced } from "./index.ts";
import { knownOf, objects } from "./testing/world.ts";

const known = knownOf(objects);
const { signal } = new AbortController();

/** A recorded trace; its first line is the packet that was asked about. */
async function recorded(name: string, flow: string): Promise<string> {
  const file = join(import.meta.dirname, "testing/recorded", `${name}.txt`);
  if (!existsSync(file)) throw new Error(`${name} is not recorded: ${flow}`);
  const text = readFileSync(file, "utf8");
  expect(text.slice(0, text.indexOf("\n"))).toBe(flow);
  return text;
}

interface Case {
  readonly name: string;
  readonly packet: readonly [from: string, toIp: string, protocol: Packet["protocol"], port?: number];
  readonly reached: boolean;
  readonly because: string;
  /** Types and ids, in order, after the sending port. */
  readonly passes: string;
}

export const cases: readonly Case[] = [
  {
    name: "allowed",
    packet: ["a", "10.0.1.11", "tcp", 80],
    reached: true,
    because: "rule web of sg-web allows it",
    passes: "switch/subnet-1 filter/sg-web port/port-b",
  },
  {
    name: "no-ingress-rule",
    packet: ["a", "10.0.1.11", "tcp", 82],
    reached: false,
    because: "no ingress rule of port-b allows it",
    passes: "switch/subnet-1",
  },
  {
    name: "no-egress-rule",
    packet: ["d", "10.0.2.10", "tcp", 81],
    reached: false,
    because: "no egress rule of port-d allows it",
    passes: "switch/subnet-2",
  },
  {
    name: "by-group",
    packet: ["d", "10.0.2.10", "udp", 5000],
    reached: true,
    because: "rule peers of sg-web allows it",
    passes: "switch/subnet-2 filter/sg-app filter/sg-web port/port-c",
  },
  {
    name: "ipv6",
    packet: ["a", "fd00:0:0:1::11", "tcp", 81],
    reached: true,
    because: "rule web of sg-web allows it",
    passes: "switch/subnet-1 filter/sg-web port/port-b",
  },
  {
    name: "peering",
    packet: ["e", "10.0.1.11", "tcp", 80],
    reached: true,
    because: "rule web of sg-web allows it",
    passes:
      "switch/subnet-3 filter/sg-open router/vpc-3 peering/peering-3 router/vpc-1 switch/subnet-1 filter/sg-web port/port-b",
  },
  {
    name: "way-out",
    packet: ["a", "198.51.100.7", "icmp"],
    reached: true,
    because: "it leaves the cloud by its VPC's gateway",
    passes: "switch/subnet-1 router/vpc-1 gateway/vpc-1 external-network/extnet-1",
  },
  {
    name: "way-out-known",
    packet: ["a", "198.51.100.7", "tcp", 443],
    reached: true,
    because: "it leaves the cloud by its VPC's gateway",
    passes: "switch/subnet-1 router/vpc-1 gateway/vpc-1 external-network/extnet-1",
  },
  {
    name: "elastic-way-out-known",
    packet: ["c", "198.51.100.7", "udp", 53],
    reached: true,
    because: "it leaves the cloud by its VPC's gateway",
    passes: "switch/subnet-2 filter/sg-web router/vpc-1 elastic-ip/eip-1 external-network/extnet-1",
  },
  {
    name: "elastic-way-out",
    packet: ["c", "198.51.100.7", "tcp", 443],
    reached: true,
    because: "it leaves the cloud by its VPC's gateway",
    passes: "switch/subnet-2 filter/sg-web router/vpc-1 elastic-ip/eip-1 external-network/extnet-1",
  },
  {
    name: "elastic-way-in",
    packet: ["a", "203.0.113.50", "tcp", 80],
    reached: true,
    because: "rule web of sg-web allows it",
    passes: "switch/subnet-1 router/vpc-1 gateway/vpc-1 elastic-ip/eip-1 switch/subnet-2 filter/sg-web port/port-c",
  },
  {
    name: "route-drops",
    packet: ["a", "192.0.2.7", "icmp"],
    reached: false,
    because: "route route-drop drops it",
    passes: "switch/subnet-1 router/vpc-1 route/route-drop",
  },
  {
    name: "route-to-no-forwarder",
    packet: ["a", "172.16.3.4", "icmp"],
    reached: false,
    because: "port-c takes packets to its own addresses alone, since it does not forward",
    passes: "switch/subnet-1 router/vpc-1 route/route-guest switch/subnet-2 filter/sg-web",
  },
  {
    name: "no-route",
    packet: ["z", "198.51.100.7", "icmp"],
    reached: false,
    because: "vpc-2 has no route to 198.51.100.7",
    passes: "switch/subnet-9 router/vpc-2",
  },
  {
    name: "nobody-there",
    packet: ["a", "10.0.2.77", "icmp"],
    reached: false,
    because: "no port of vpc-1 has the address 10.0.2.77",
    passes: "switch/subnet-1 router/vpc-1",
  },
  {
    name: "router-answers",
    packet: ["a", "10.0.1.1", "icmp"],
    reached: true,
    because: "the router of vpc-1 answers it",
    passes: "switch/subnet-1 router/vpc-1",
  },
  {
    name: "router-refuses",
    packet: ["a", "10.0.1.1", "tcp", 22],
    reached: false,
    because: "the router of vpc-1 takes no such packets itself",
    passes: "switch/subnet-1 router/vpc-1",
  },
  {
    name: "services",
    packet: ["d", "10.0.2.254", "udp", 53],
    reached: true,
    because: "the cloud's own services answer in subnet-2",
    passes: "switch/subnet-2 filter/sg-app",
  },
];

describe("traced() tells", () => {
  test.each(cases)(
    "$name: $because",
    async ({ name, packet: [from, toIp, protocol, port], reached, because, passes }) => {
      const packet = { fromPortId: `port-${from}`, toIp, protocol, ...(port !== undefined && { port }) };
      const reach = await traced(packet, { known, trace: (flow) => recorded(name, flow) }, signal);
      expect(reach).toMatchObject({ reached, because });
      expect(reach.hops.map(({ type, id }) => `${type}/${id}`).join(" ")).toBe(`port/port-${from} ${passes}`);
    },
  );

  test.each([
    ["a", "10.0.1.77", "no port of vpc-1 has the address 10.0.1.77"],
    ["z", "10.0.1.10", "no port of vpc-2 has the address 10.0.1.10"],
    ["c", "fd00:0:0:1::11", "port-c has no address of the family of fd00:0:0:1::11"],
  ])("without asking OVN what port-%s can't even send to %s", async (from, toIp, because) => {
    const packet = { fromPortId: `port-${from}`, toIp, protocol: "icmp" } as const;
    const trace = () => Promise.reject(new Error("asked"));
    expect(await traced(packet, { known, trace }, signal)).toMatchObject({ reached: false, because });
  });

  test("where the subnet is not joined to its router", async () => {
    const apart = knownOf(objects.filter(({ type, id }) => !(type === "router-port" && id === "subnet-1")));
    const packet = { fromPortId: "port-a", toIp: "10.0.2.10", protocol: "icmp" } as const;
    const reach = await traced(packet, { known: apart, trace: () => Promise.reject(new Error("asked")) }, signal);
    expect(reach.because).toBe("subnet-1 is not joined to its router");
  });

  test("that there is no such port", async () => {
    const packet = { fromPortId: "port-nowhere", toIp: "10.0.2.10", protocol: "icmp" } as const;
    const asked = traced(packet, { known, trace: () => Promise.reject(new Error("asked")) }, signal);
    await expect(asked).rejects.toThrow(DriverError);
  });
});
