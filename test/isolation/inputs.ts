// Valid inputs for every kind, from the annotations: what is required, and everything that refers to something else, at any depth.
import type { Field, FieldType, Kind } from "@photoncloud/proto";
import { elementType, Format } from "@photoncloud/proto";
import type { Json } from "./calls.ts";

/** Whom an input is for: its tenant, and the ids that its references name, by the full name of the kind. */
export interface Surroundings {
  readonly orgId: string;
  readonly ids: ReadonlyMap<string, string>;
  /** The path of a reference that must be among them where a oneof has many: "rules.remote_group_id". */
  readonly chosen?: string;
}

/** A byte that follows from a text. */
const hash = (sum: number, letter: string) => (sum * 31 + letter.charCodeAt(0)) % 256;

/** What the annotations can't tell, by kind: inputs that a rule of the kind's own asks for. */
const byKind: Readonly<Record<string, (around: Surroundings, tag: string) => Json>> = {
  // On a wire of its own: the cloud begins with one.
  "prismnet.v1.ExternalNetwork": () => ({ physical_network: "another" }),
  // Routes lead to it.
  "prismnet.v1.Port": () => ({ forwarding: true }),
  // One of each in a VPC.
  "prismnet.v1.Route": (_, tag) => ({ destination: `192.168.${[...tag].reduce(hash, 0)}.0/24` }),
  "prismnet.v1.Peering": (_, tag) => ({ peer_vpc_id: `vpc-${tag}` }),
  // An image and a snapshot exclude each other: it is made from the image, where not the snapshot is what is asked about.
  "plasmavmc.v1.Vm": ({ ids, chosen }) => ({
    spec: {
      ...(chosen === "spec.source_snapshot_id"
        ? { source_snapshot_id: ids.get("plasmavmc.v1.VmSnapshot") }
        : { image_id: ids.get("plasmavmc.v1.Image") }),
      flavor_id: ids.get("plasmavmc.v1.Flavor"),
      placement_group_ids: [ids.get("plasmavmc.v1.PlacementGroup")],
      network: [{ id: "one", port_id: ids.get("prismnet.v1.Port") }],
    },
  }),
  // Of what nobody here has many.
  "creditservice.v1.Quota": () => ({ limits: { flow_logs: 900 } }),
  "plasmavmc.v1.Image": () => ({ source_url: "https://images.example/debian.qcow2" }),
  // A role of a project bounds nobody: users and service accounts are the org's.
  "iam.v1.User": () => ({ permission_boundary_role_id: "ProjectViewer" }),
  "iam.v1.ServiceAccount": () => ({ permission_boundary_role_id: "ProjectViewer" }),
  // It denies what no kind has: others' answers are not about it.
  "iam.v1.Guardrail": () => ({ statements: [{ action: "nothing:at_all:delete" }] }),
  "iam.v1.RoleBinding": ({ orgId }) => ({ principal: `user:${orgId}/bystander` }),
};

/** What methods beside the standard ones need beside org_id, project_id and id; a method that is not here has no case. */
export const byMethod: Readonly<Record<string, (around: Surroundings) => Json>> = {
  AttachDevice: () => ({ device_id: "printer", device_type: "DEVICE_TYPE_OTHER" }),
  DetachDevice: () => ({}),
  AddRule: ({ ids }) => ({
    name: "added",
    rule: { direction: "DIRECTION_INGRESS", remote_group_id: ids.get("prismnet.v1.SecurityGroup") },
  }),
  RemoveRule: () => ({ name: "one" }),
  AnalyzePath: () => ({ destination: "10.0.0.9", protocol: "PROTOCOL_ICMP" }),
  ReadFlowLog: () => ({}),
  StartVm: () => ({}),
  FenceHost: () => ({}),
  ExpelHost: () => ({}),
  ApproveBreakGlass: () => ({}),
  EndBreakGlass: () => ({}),
  StopVm: () => ({}),
  ResetVm: () => ({}),
  RebootVm: () => ({}),
  RotateServiceAccountKey: () => ({ secret: `pck_${"A".repeat(43)}` }),
  RestoreVm: ({ ids }) => ({ snapshot_id: ids.get("plasmavmc.v1.VmSnapshot") }),
  GetVmStatistics: () => ({}),
  MigrateVm: () => ({}),
  CancelVmMove: () => ({}),
  ExplainPlacement: () => ({}),
  DrainHost: () => ({}),
  AbortDrain: () => ({}),
  PreviewDrain: () => ({}),
  EvacuateHost: () => ({}),
  ListRoleVersions: () => ({}),
  GetRoleVersion: () => ({ role_version: 1 }),
  RollBackRole: () => ({ role_version: 1 }),
};

const ofFormat: Partial<Record<Format, string>> = {
  [Format.NAME]: "one",
  [Format.CIDR]: "10.0.0.0/16",
  [Format.CIDR_V4]: "10.0.0.0/16",
  [Format.IP]: "10.0.0.9",
  [Format.IP_V4]: "10.0.0.9",
};

function refers(field: Field): boolean {
  const type = elementType(field.type);
  return field.reference !== "" || (type.type === "message" && type.fields.some(refers));
}

/** @throws Error where neither an annotation nor the table above tells of a value. */
function text(field: Field, around: Surroundings): string {
  if (field.reference !== "") {
    const id = around.ids.get(field.reference);
    if (id !== undefined) return id;
    throw new Error(`${field.desc} refers to ${field.reference}, of which there is none`);
  }
  const value = field.options?.example || ofFormat[field.options?.format ?? Format.UNSPECIFIED];
  if (value !== undefined) return value;
  throw new Error(
    `${field.desc} has neither an example nor a format that tells of one: say one in test/isolation/inputs.ts`,
  );
}

function value(field: Field, type: FieldType, around: Surroundings, path: string): unknown {
  switch (type.type) {
    case "list":
      return [value(field, type.of, around, path)];
    case "map":
      return { one: value(field, type.of, around, path) };
    case "message":
      return inputs(type.fields, around, `${path}.`);
    case "enum":
      return type.desc.values.find(({ number }) => number !== 0)?.name;
    case "string":
      return text(field, around);
    case "bool":
      return true;
    case "int32":
    case "int64":
    case "float":
      return Number(field.options?.range?.min ?? 1n);
    default:
      throw new Error(`${field.desc}: no case for a required ${type.type} yet`);
  }
}

/** Of a oneof one member: the one that is chosen, or the first. */
function isMember(field: Field, fields: readonly Field[], path: string, chosen: string | undefined): boolean {
  if (field.oneof === undefined) return true;
  const members = fields.filter((other) => other.oneof === field.oneof);
  const at = path.slice(0, path.length - field.name.length);
  return (members.find((other) => at + other.name === chosen) ?? members[0]) === field;
}

/** What is required, and what refers. */
function inputs(fields: readonly Field[], around: Surroundings, prefix = ""): Json {
  const wanted = fields.filter((field) => !field.outputOnly && (field.required || refers(field)));
  return Object.fromEntries(
    wanted
      .filter((field) => isMember(field, wanted, prefix + field.name, around.chosen))
      .map((field) => [field.name, value(field, field.type, around, prefix + field.name)]),
  );
}

/** A valid input of a kind, without its tenant. `tag` makes names and chosen ids its own. */
export function inputOf(kind: Kind, around: Surroundings, tag: string): Json {
  const own = byKind[kind.typeName]?.(around, tag) ?? {};
  const {
    id: _,
    org_id: __,
    project_id: ___,
    ...rest
  } = inputs(
    kind.fields.filter((field) => !(field.name in own)),
    around,
  );
  return { ...rest, ...own, name: tag, ...(kind.chosenId && { id: tag }) };
}
