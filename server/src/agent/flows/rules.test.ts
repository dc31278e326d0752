// What a host's line means, against the rows that our mapping makes.
import { expect, test } from "@jest/globals";
import type { NetworkObject } from "../../backends/network/driver.ts";
import type { Table } from "../../backends/network/ovn/mapping/row.ts";
import { SampleView } from "../../backends/network/ovn/mapping/testing/samples.ts";
import type { Row, RowChange } from "../../backends/network/ovn/ovsdb/database.ts";
import type { AclLine } from "./acl-line.ts";
import { Rules } from "./rules.ts";

const [acme, rival] = ["acme/alpha", "rival/alpha"];

function port(id: string, vpcId: string, owner: string, address: string): NetworkObject {
  return {
    type: "port",
    id,
    subnetId: `subnet-${vpcId}`,
    vpcId,
    owner,
    macAddress: "fa:16:3e:00:00:01",
    ipAddresses: [address],
    securityGroupIds: ["sg-1"],
    hostname: "",
    forwarding: false,
    bandwidth: {},
  };
}

/** Two VPCs of one tenant and one of another, with one MAC in all of them. */
const objects: readonly NetworkObject[] = [
  { type: "router", id: "vpc-1", owner: acme, cidrs: ["10.0.0.0/16"] },
  { type: "router", id: "vpc-2", owner: acme, cidrs: ["10.0.0.0/16"] },
  { type: "router", id: "vpc-9", owner: rival, cidrs: ["10.0.0.0/16"] },
  {
    type: "filter",
    id: "sg-1",
    owner: acme,
    rules: [{ name: "web", direction: "ingress", protocol: "tcp", remote: { type: "any" } }],
  },
  port("port-1", "vpc-1", acme, "10.0.0.1"),
  port("port-2", "vpc-2", acme, "10.0.0.2"),
  port("port-9", "vpc-9", rival, "10.0.0.1"),
  { type: "flow-log", id: "flowlog-1", owner: acme, vpcId: "vpc-1", verdicts: "all" },
  { type: "flow-log", id: "flowlog-drops", owner: acme, vpcId: "vpc-1", verdicts: "dropped" },
  { type: "flow-log", id: "flowlog-9", owner: rival, vpcId: "vpc-9", verdicts: "all" },
];

const view = new SampleView(objects);

function tableOf(table: Table): ReadonlyMap<string, Row> {
  return new Map([...view.rows].filter(([, held]) => held.table === table).map(([uuid, { row }]) => [uuid, row]));
}

const tables = { ACL: tableOf("ACL"), Meter: tableOf("Meter"), Logical_Switch_Port: tableOf("Logical_Switch_Port") };
const isTable = (name: string): name is keyof typeof tables => Object.hasOwn(tables, name);
const tableNamed = (name: string) => (isTable(name) ? tables[name] : new Map<string, Row>());

const rules = new Rules({
  row: (table, uuid) => tableNamed(table).get(uuid),
  rows: tableNamed,
  onChange: (_: (changes: readonly RowChange[]) => void) => () => {},
});

/** The UUID of the rule whose marks are these. */
function ruleOf(marks: Readonly<Record<string, string>>): string {
  const fits = (ids: unknown) =>
    ids instanceof Map && Object.entries(marks).every(([key, value]) => ids.get(`photon:${key}`) === value);
  return [...tables.ACL].find(([, { external_ids }]) => fits(external_ids))?.[0] ?? "none";
}

function line(rule: string, verdict: AclLine["verdict"], destinationAddress: string): AclLine {
  return {
    timeMs: 1,
    rule,
    verdict,
    direction: "ingress",
    sourceMac: "0a:00:00:00:00:01",
    destinationAddress,
    destinationMac: "fa:16:3e:00:00:01",
    sourceAddress: "10.0.0.9",
    protocol: "tcp",
    sourcePort: 1,
    destinationPort: 80,
  };
}

const web = (vpc: string) => ruleOf({ vpc, id: "sg-1", rule: "web" });
const drop = (vpc: string) => ruleOf({ vpc, rule: "drop ingress" });

test.each([
  [
    line(web("vpc-1"), "allowed", "10.0.0.1"),
    { flowLogIds: ["flowlog-1"], portId: "port-1", filterId: "sg-1", rule: "web" },
  ],
  [
    line(drop("vpc-1"), "dropped", "10.0.0.1"),
    { flowLogIds: ["flowlog-1", "flowlog-drops"], portId: "port-1", filterId: "", rule: "" },
  ],
  [line(drop("vpc-9"), "dropped", "10.0.0.1"), { flowLogIds: ["flowlog-9"], portId: "port-9", filterId: "", rule: "" }],
  [line(web("vpc-2"), "allowed", "10.0.0.2"), undefined],
  [line("00000000-0000-8000-8000-000000000000", "allowed", "10.0.0.1"), undefined],
])("decisionOf(%j) is %j", (asked, expected) => {
  expect(rules.decisionOf(asked)).toEqual(expected);
});

test("flowLogIds() are those that are there", () => {
  expect([...rules.flowLogIds()].toSorted()).toEqual(["flowlog-1", "flowlog-9", "flowlog-drops"]);
});
