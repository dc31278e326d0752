import { expect, test } from "@jest/globals";
import type { Row } from "../../backends/network/ovn/ovsdb/database.ts";
import { servedSubnets } from "./served-subnet.ts";

const marks = (type: string, subnetId: string) =>
  new Map([
    ["photon:owner", "photoncloud"],
    ["photon:type", type],
    ["photon:tenant", "acme/alpha"],
    ["photon:vpc", "vpc-1"],
    ["photon:subnet", subnetId],
  ]);

function binding(name: string, type: string, mac: string, chassis: string | undefined, ids: Row["external_ids"]): Row {
  return { logical_port: name, type, mac: new Set([mac]), chassis, external_ids: ids };
}

const service = (id: string) =>
  binding(
    `svc-${id}`,
    "localport",
    "0a:00:0a:00:01:fe 10.0.1.254 fd00::2 169.254.169.254 fe80::a9fe:a9fe",
    undefined,
    marks("service-port", id),
  );
const router = (id: string) =>
  binding(`lrp-${id}`, "patch", "0a:00:0a:00:01:01 10.0.1.1/24 fd00::1/64", undefined, marks("router-port", id));
const switchSide = (id: string) => binding(`lsp-r-${id}`, "patch", "router", undefined, marks("router-port", id));
const port = (id: string, chassis: string | undefined, of = "h1") =>
  binding(`port-${id}-${of}`, "", "fa:16:3e:00:00:01 10.0.1.10", chassis, marks("port", id));

const look = (...rows: readonly Row[]) => {
  const tables: Record<string, ReadonlyMap<string, Row>> = {
    Chassis: new Map([
      ["uuid-1", { name: "h1" }],
      ["uuid-2", { name: "h2" }],
    ]),
    Port_Binding: new Map(rows.map((row) => [String(row.logical_port), row])),
  };
  return servedSubnets({ rows: (table) => tables[table] ?? new Map() }, "h1");
};

test("a subnet with a port on the host is served, as its service port and its router say", () => {
  const found = look(service("a"), router("a"), switchSide("a"), port("a", "uuid-1"));
  expect([...found]).toEqual([
    [
      "a",
      {
        place: { org: "acme", project: "alpha", vpcId: "vpc-1", subnetId: "a" },
        portId: "svc-a",
        macAddress: "0a:00:0a:00:01:fe",
        addresses: ["10.0.1.254/24", "fd00::2/64"],
        gateways: ["10.0.1.1", "fd00::1"],
      },
    ],
  ]);
});

test.each<[string, Row[]]>([
  ["has its ports on other hosts", [service("a"), router("a"), port("a", "uuid-2")]],
  ["has its ports nowhere", [service("a"), router("a"), port("a", undefined)]],
  ["has no service port yet", [router("a"), port("a", "uuid-1")]],
  ["has no router yet", [service("a"), switchSide("a"), port("a", "uuid-1")]],
])("a subnet that %s is not", (_, rows) => {
  expect(look(...rows).size).toBe(0);
});
