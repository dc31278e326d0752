// A VPC: a logical router, and two groups that every port of it is in or may be in.
import { metadataAddresses, type RouterSpec } from "../../driver.ts";
import { type Acl, aclRow, directions } from "./acl.ts";
import { familyOf, ofFamily } from "./checked.ts";
import { mainMarksOf, marksOf } from "./external-ids.ts";
import { logColumns, metersOf } from "./logging.ts";
import { all, among, ip, type Match, ports, throughGroup } from "./match.ts";
import { dropGroupName, freeGroupName, routerName } from "./names.ts";
import type { Compiled, View, WantedRow } from "./row.ts";
import { dropGroupUuid, freeGroupUuid, rowUuid } from "./uuids.ts";

/**
 * ARP is learned from answers that the router asked for, and forgotten after 300 s: a port's address may move to another MAC. Routers that
 * share an external network ask for each other's MAC when they need it, instead of each knowing all.
 */
const options = new Map([
  ["always_learn_from_arp_request", "false"],
  ["dynamic_neigh_routers", "true"],
  ["mac_binding_age_threshold", "300"],
]);

export function compileRouter(object: RouterSpec, view: View): Compiled {
  const router: WantedRow = {
    table: "Logical_Router",
    uuid: rowUuid(object),
    columns: { name: routerName(object.id), enabled: true, options, external_ids: mainMarksOf(object) },
    memberOf: [],
  };
  const drop = group(object, dropGroupUuid(object.id), dropGroupName(object.id), "drop");
  const free = group(object, freeGroupUuid(object.id), freeGroupName(object.id), "free");
  return {
    rows: [router, drop, free, ...drops(object, view), ...platform(object), freedom(object, view)],
    patches: [],
  };
}

function group(object: RouterSpec, uuid: string, name: string, role: string): WantedRow {
  return { table: "Port_Group", uuid, columns: { name, external_ids: marksOf(object, { role }) }, memberOf: [] };
}

/** What no rule allows is dropped, both ways. */
function drops(object: RouterSpec, view: View): WantedRow[] {
  const verdict = "dropped";
  const logged = logColumns({ tenant: object.owner, vpcId: object.id, verdict }, metersOf(view, object.owner));
  return (["ingress", "egress"] as const).map((direction) =>
    aclRow({
      uuid: rowUuid(object, `drop ${direction}`),
      group: dropGroupUuid(object.id),
      direction,
      match: all(throughGroup(directions[direction].lport, dropGroupName(object.id)), ip()),
      action: "drop",
      marks: marksOf(object, { rule: `drop ${direction}`, verdict }),
      logged,
    }),
  );
}

/** Ports without a filter may send anywhere. */
function freedom(object: RouterSpec, view: View): WantedRow {
  const verdict = "allowed";
  return aclRow({
    uuid: rowUuid(object, "free egress"),
    group: freeGroupUuid(object.id),
    direction: "egress",
    match: all(throughGroup("inport", freeGroupName(object.id)), ip()),
    action: "allow",
    marks: marksOf(object, { rule: "free egress", verdict }),
    logged: logColumns({ tenant: object.owner, vpcId: object.id, verdict }, metersOf(view, object.owner)),
  });
}

/** What guests need to come up, whatever their filters say. Router and neighbour discovery OVN always allows. */
function platform(object: RouterSpec): WantedRow[] {
  const allowed: Record<string, Match> = {
    dhcp: all(
      among("dst", 4, ["255.255.255.255", ...ofFamily(object.cidrs, 4)]),
      ports("udp", "src", { first: 68, last: 68 }),
      ports("udp", "dst", { first: 67, last: 67 }),
    ),
    dhcpv6: all(
      among("dst", 6, ["ff02::1:2"]),
      ports("udp", "src", { first: 546, last: 546 }),
      ports("udp", "dst", { first: 547, last: 547 }),
    ),
    ...Object.fromEntries(metadataAddresses.map((address) => [`metadata ${address}`, metadata(address)])),
  };
  return Object.entries(allowed).map(([rule, match]) => platformRow(object, rule, match));
}

function metadata(address: string): Match {
  return all(among("dst", familyOf(address), [address]), ports("tcp", "dst", { first: 80, last: 80 }));
}

function platformRow(object: RouterSpec, rule: string, match: Match): WantedRow {
  return platformAcl({
    uuid: rowUuid(object, rule),
    vpcId: object.id,
    match,
    marks: marksOf(object, { rule }),
  });
}

/** A rule that lets every port of a VPC send something. */
export function platformAcl(rule: Pick<Acl, "uuid" | "match" | "marks"> & { readonly vpcId: string }): WantedRow {
  return aclRow({
    uuid: rule.uuid,
    group: dropGroupUuid(rule.vpcId),
    direction: "egress",
    match: all(throughGroup("inport", dropGroupName(rule.vpcId)), rule.match),
    action: "allow",
    marks: rule.marks,
  });
}
