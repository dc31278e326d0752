// What the annotations do not tell: values that must fit to others, or that follow a form of their own. These lists may only shrink.
import type { Attribute } from "../../../provider/src/attribute.ts";
import type { Known } from "./drawing.ts";

type Values = Readonly<Record<string, string | number | boolean>>;

const idOf = (noun: string, name: string): string => `\${photoncloud_${noun}.${name}.id}`;
const ownPort: Known = ({ unique }) => [idOf("port", `n${unique()}`)];
const someone = ["one", "two"].map((which) => `service_account:acme-corp/\${photoncloud_service_account.${which}.id}`);
const everyone: Known = () => [someone, someone.slice(1)];
/** Of what no test does. */
const actions: Known = () => ["compute:vms:reset", "compute:vms:restore", "compute:hosts:fence"];
const conditions: Known = () => [["resource.owner == principal.id"], ["principal.mfa_age > duration('1h')"]];
const patterns: Known = () => ["org/acme-corp/project/*/vm/*", "org/acme-corp/project/project-alpha/port/*"];

/** Disks only grow: more with every change of all. */
const larger = (n: number) => 2 + Math.ceil(n / 50);

/** By the field's full name, or by its name in all kinds; the first is what stands where another field is tried. */
export const knownValues: Readonly<Record<string, Known>> = {
  org_id: () => ["acme-corp", "other-corp"],
  project_id: () => ["project-alpha", "project-beta"],
  "iam.v1.Group.members": everyone,
  "iam.v1.Guardrail.exempt_principals": everyone,
  "iam.v1.GuardrailStatement.action": actions,
  "iam.v1.GuardrailStatement.conditions": conditions,
  "iam.v1.GuardrailStatement.resource_pattern": patterns,
  "iam.v1.IdentityProvider.allowed_email_domains": () => [["a.example"], ["b.example", "c.example"]],
  "iam.v1.IdentityProvider.scopes": () => [
    ["openid", "email"],
    ["openid", "groups", "email"],
  ],
  "iam.v1.Invitation.group_ids": () => [[idOf("group", "one")], [idOf("group", "two")]],
  "iam.v1.InvitedRole.project_id": () => ["project-alpha", "project-beta"],
  "iam.v1.InvitedRole.role_id": () => ["ProjectViewer", "ProjectMember"],
  "iam.v1.Permission.action": actions,
  "iam.v1.Permission.conditions": conditions,
  "iam.v1.Permission.resource_pattern": patterns,
  // A principal has a role once at a scope.
  "iam.v1.RoleBinding.principal": ({ unique }) => [
    `service_account:acme-corp/\${photoncloud_service_account.n${unique()}.id}`,
  ],
  "iam.v1.RoleBinding.role_id": () => ["ProjectViewer", "ProjectMember"],
  "plasmavmc.v1.VmDisk.id": () => ["root"],
  "plasmavmc.v1.VmDisk.size_gib": ({ unique }) => [larger(unique())],
  "plasmavmc.v1.VmSpec.boot_order": () => [["root"]],
  // A host is found by labels that it has.
  "plasmavmc.v1.VmSpec.host_labels": () => [],
  "plasmavmc.v1.VmSpec.disks": ({ unique }) => [[{ id: "root", size_gib: larger(unique()) }]],
  // A port has one machine.
  "plasmavmc.v1.VmNetwork.port_id": ownPort,
  "prismnet.v1.ElasticIp.address": ({ unique }) => [`203.0.113.${20 + (unique() % 200)}`],
  "prismnet.v1.ElasticIp.port_id": ownPort,
  "prismnet.v1.ExternalNetwork.org_id": () => [""],
  "prismnet.v1.ExternalNetwork.project_id": () => [""],
  "prismnet.v1.ExternalNetwork.physical_network": ({ unique }) => [`wire-${unique()}`],
  "prismnet.v1.ExternalNetwork.cidr": () => ["203.0.113.0/24", "198.51.100.0/24"],
  "prismnet.v1.ExternalNetwork.ipv6_cidr": () => ["2001:db8:113::/64", "2001:db8:114::/64"],
  "prismnet.v1.ExternalNetwork.ipv6_gateway": () => ["2001:db8:113::2", "2001:db8:113::3"],
  "prismnet.v1.ExternalNetwork.ipv6_pool_cidr": () => ["2001:db8:113::100/120", "2001:db8:113::200/120"],
  "prismnet.v1.ExternalNetwork.gateway": () => ["203.0.113.2", "203.0.113.3"],
  "prismnet.v1.ExternalNetwork.pool_cidr": () => ["203.0.113.128/25", "203.0.113.64/26"],
  "prismnet.v1.Peering.peer_vpc_id": ({ unique }) => [`vpc-${unique()}`],
  "prismnet.v1.Port.ip_address": ({ unique }) => [`10.0.251.${100 + (unique() % 100)}`],
  "prismnet.v1.Port.ipv6_address": ({ unique }) => [`fd00:10:0:ff00::${(0x100 + unique()).toString(16)}`],
  "prismnet.v1.PortRange.last": () => [60_001, 60_002, 60_003],
  "prismnet.v1.Route.target_port_id": ownPort,
  "prismnet.v1.SecurityGroupRule.protocol": () => ["tcp", "udp"],
  "prismnet.v1.Subnet.cidr": ({ unique }) => [`10.0.${128 + (unique() % 100)}.0/24`],
  "prismnet.v1.Subnet.gateway": () => ["10.0.250.7", "10.0.250.9"],
  "prismnet.v1.Subnet.ipv6_cidr": ({ unique }) => [`fd00:10:0:${(0x100 + unique()).toString(16)}::/64`],
  "prismnet.v1.Vpc.cidr": () => ["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"],
  "prismnet.v1.Vpc.ipv6_cidr": () => ["fd00:11::/48", "fd00:12::/48"],
};

/** Attributes that are always written, although their annotations do not say so. */
const asked: ReadonlySet<string> = new Set([
  "plasmavmc.v1.Image.source_url",
  "prismnet.v1.ElasticIp.external_network_id",
  "prismnet.v1.ExternalNetwork.org_id",
  "prismnet.v1.ExternalNetwork.physical_network",
  "prismnet.v1.ExternalNetwork.project_id",
  "prismnet.v1.Route.drop",
  // Only some have ports.
  "prismnet.v1.SecurityGroupRule.protocol",
]);

/** What stands beside a field that is tried. */
export const besides: Readonly<Record<string, Values>> = {
  "prismnet.v1.ExternalNetwork.ipv6_gateway": { ipv6_cidr: "2001:db8:113::/64" },
  "prismnet.v1.ExternalNetwork.ipv6_pool_cidr": { ipv6_cidr: "2001:db8:113::/64" },
  "prismnet.v1.Subnet.gateway": { cidr: "10.0.250.0/24" },
};

/** What comes and goes with the value of a field. */
export const together: Readonly<Record<string, Values>> = {
  "iam.v1.User.federated_issuer": { federated_subject: "somebody" },
  "iam.v1.User.federated_subject": { federated_issuer: "https://issuer.example" },
};

/** What those that others stand on have beside what is asked for: the two of a kind, and the others. */
export const standingWith: Readonly<Record<string, Readonly<Record<string, Values>>>> = {
  // The org's: a project's own are not seen from above.
  "iam.v1.Role": { one: { project_id: "" }, two: { project_id: "" } },
  "prismnet.v1.ExternalNetwork": { one: { ipv6_cidr: "2001:db8:113::/64" } },
  "prismnet.v1.Port": { others: { forwarding: true } },
  "prismnet.v1.Vpc": {
    one: { ipv6_cidr: "fd00:10::/48", external_network_id: idOf("external_network", "one") },
  },
  "prismnet.v1.Subnet": {
    one: { cidr: "10.0.251.0/24", ipv6_cidr: "fd00:10:0:ff00::/64" },
    two: { cidr: "10.0.252.0/24" },
  },
};

export const knownOf = (field: NonNullable<Attribute["field"]>): Known | undefined =>
  knownValues[fullName(field)] ?? knownValues[field.name];

export const fullName = (field: NonNullable<Attribute["field"]>): string =>
  `${field.desc.parent.typeName}.${field.name}`;

/** Whether an attribute is always written. */
export const always = (attribute: Attribute): boolean =>
  attribute.required || (attribute.field !== undefined && asked.has(fullName(attribute.field)));

/** How much the annotations do not tell. */
export const untold = [knownValues, asked, besides, together, standingWith].reduce(
  (sum, of) => sum + (of instanceof Set ? of.size : Object.keys(of).length),
  0,
);
