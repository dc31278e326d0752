import { create, isMessage, type MessageShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { QuotaSchema } from "@photoncloud/proto/gen/creditservice/v1/quota_pb";
import {
  GetUsageRequestSchema,
  GetUsageResponseSchema,
  ListDimensionsRequestSchema,
  ListDimensionsResponseSchema,
} from "@photoncloud/proto/gen/creditservice/v1/usage_pb";
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { ProjectSchema } from "@photoncloud/proto/gen/iam/v1/project_pb";
import { ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { HypervisorDriver } from "../../../backends/hypervisor/driver.ts";
import type { Call } from "../../call.ts";
import { faultOf, kindOf, openSmallCloud, outcome, type SmallCloud } from "../../testing/small-cloud.ts";
import { usageService } from "../usage.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

interface Place {
  readonly orgId: string;
  readonly projectId: string;
}

let made = 0;
const aName = () => `n${++made}`;

/** A project of an org of its own, unless an org is given: no test meets another's quotas. */
async function aPlace(orgId?: string): Promise<Place> {
  const org = orgId ?? aName();
  if (orgId === undefined) await cloud.call(kindOf(OrgSchema), "create", { id: org });
  const projectId = aName();
  await cloud.call(kindOf(ProjectSchema), "create", { orgId: org, id: projectId });
  return { orgId: org, projectId };
}

const orgOf = ({ orgId }: Place): Place => ({ orgId, projectId: "" });

function limit(place: Place, limits: Readonly<Record<string, number>>, terms?: Partial<Call>) {
  const most = Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, BigInt(value)]));
  return cloud.call(kindOf(QuotaSchema), "create", { ...place, limits: most }, terms);
}

function aVpc(place: Place, terms?: Partial<Call>, name = aName()) {
  return cloud.call(kindOf(VpcSchema), "create", { ...place, name, cidr: "10.0.0.0/16" }, terms);
}

const aVm = (place: Place, spec: object) => cloud.create(VmSchema, { ...place, name: aName(), spec });

function resize(place: Place, id: string, spec: object, paths: readonly string[]) {
  const input = { ...place, id, vm: create(VmSchema, { spec }), updateMask: { paths } };
  return cloud.call(kindOf(VmSchema), "update", input);
}

/** A caller who may do nothing beside what is asked of them. */
const modest: Partial<Call> = { may: async () => false };

async function usage(place: Place): Promise<Readonly<Record<string, readonly [number, number | undefined]>>> {
  const answer = await ask("GetUsage", create(GetUsageRequestSchema, place));
  if (!isMessage(answer, GetUsageResponseSchema)) throw new Error("no usage");
  const limitOf = (most: bigint | undefined) => (most === undefined ? undefined : Number(most));
  return Object.fromEntries(answer.usage.map((one) => [one.dimension, [Number(one.used), limitOf(one.limit)]]));
}

async function ask(
  method: string,
  request: MessageShape<typeof GetUsageRequestSchema | typeof ListDimensionsRequestSchema>,
) {
  const { methods } = usageService({ store: cloud.store, slices: cloud.resources.slices });
  const call = { ...modest, signal: AbortSignal.abort() } as Partial<Call> as Call;
  return methods[method]?.(request, call);
}

describe("a quota of a count", () => {
  test("refuses what is beyond it in words that tell what to do, and takes what is freed", async () => {
    const place = await aPlace();
    const scope = `org/${place.orgId}/project/${place.projectId}`;
    await limit(place, { vpcs: 1 });
    const { id } = await cloud.make(VpcSchema, { ...place, name: aName(), cidr: "10.0.0.0/16" });
    const fault = await faultOf(aVpc(place));
    expect([fault.reason, fault.message]).toEqual([
      "QUOTA_EXCEEDED",
      `the quota of ${scope} for vpcs is 1: 1 are used, and 1 more would be needed; delete what is not needed, or ask an administrator of the org to raise it`,
    ]);
    expect(fault.details).toMatchObject({ violations: [{ path: "", rule: "quota" }], resources: [scope] });
    await cloud.delete(VpcSchema, id, place);
    await cloud.gone(VpcSchema, id, place);
    expect(await outcome(aVpc(place))).toBe("ok");
  });

  test("may be set below what there is, which then stays and can be changed", async () => {
    const place = await aPlace();
    const vpc = await cloud.make(VpcSchema, { ...place, name: aName(), cidr: "10.0.0.0/16" });
    await limit(place, { vpcs: 0 });
    expect(await outcome(aVpc(place))).toBe("QUOTA_EXCEEDED :quota");
    const input = { ...place, id: vpc.id, vpc: create(VpcSchema, { labels: { a: "b" } }) };
    expect(await outcome(cloud.call(kindOf(VpcSchema), "update", input))).toBe("ok");
    expect((await usage(place)).vpcs).toEqual([1, 0]);
  });

  test("does not stand in the way of what was answered before: the same key, the same answer", async () => {
    const place = await aPlace();
    await limit(place, { vpcs: 1 });
    const first = await aVpc(place, { idempotencyKey: "once" }, "main");
    expect(await aVpc(place, { idempotencyKey: "once" }, "main")).toEqual(first);
    expect(await outcome(aVpc(place, { idempotencyKey: "twice" }))).toBe("QUOTA_EXCEEDED :quota");
  });

  test("lets in no more of 64 at once", async () => {
    const place = await aPlace();
    await limit(orgOf(place), { vpcs: 5 });
    const outcomes = await Promise.all(Array.from({ length: 64 }, () => outcome(aVpc(place))));
    expect(outcomes.filter((one) => one === "ok")).toHaveLength(5);
    expect((await usage(orgOf(place))).vpcs).toEqual([5, 5]);
  });
});

describe("a quota of what is added up", () => {
  test("counts what a flavor says, and names the field that asks for more", async () => {
    const place = await aPlace();
    await limit(place, { vcpus: 3 });
    const { id } = await aVm(place, { flavorId: "medium" });
    expect(await outcome(aVm(place, { cpu: 2, memory: 128 }))).toBe("QUOTA_EXCEEDED spec.cpu:quota");
    expect(await outcome(resize(place, id, { flavorId: "large" }, ["spec.flavor_id"]))).toBe(
      "QUOTA_EXCEEDED spec.cpu:quota",
    );
    await resize(place, id, { flavorId: "small" }, ["spec.flavor_id"]);
    expect(await outcome(aVm(place, { cpu: 2, memory: 128 }))).toBe("ok");
    expect(await usage(place)).toMatchObject({ vms: [2, undefined], vcpus: [3, 3], memory_mib: [1152, undefined] });
  });

  test("adds up lists, for machines and what they grow by", async () => {
    const place = await aPlace();
    await limit(place, { disk_gib: 10 });
    const disks = [
      { id: "root", sizeGib: 2 },
      { id: "data", sizeGib: 3 },
    ];
    const { id } = await aVm(place, { disks });
    expect(await outcome(aVm(place, { disks: [{ id: "root", sizeGib: 6 }] }))).toBe("QUOTA_EXCEEDED spec.disks:quota");
    const grown = (sizeGib: number) => ({ disks: [disks[0], { id: "data", sizeGib }] });
    expect(await outcome(resize(place, id, grown(9), ["spec.disks"]))).toBe("QUOTA_EXCEEDED spec.disks:quota");
    expect(await outcome(resize(place, id, grown(8), ["spec.disks"]))).toBe("ok");
  });

  test("counts what is found out later from then on", async () => {
    const place = await aPlace();
    await limit(place, { image_bytes: 1 });
    const image = { ...place, sourceUrl: "https://images.example/five-bytes.qcow2" };
    const hypervisor: HypervisorDriver = cloud.drivers.hypervisor;
    const facts = { digest: `sha256:${"0".repeat(64)}`, sizeBytes: 5, virtualSizeBytes: 9 };
    const fetched = jest
      .spyOn(hypervisor, "ensureImage")
      .mockImplementation(async ({ url }) => (url === image.sourceUrl ? facts : undefined));
    await cloud.make(ImageSchema, image);
    fetched.mockRestore();
    expect((await usage(place)).image_bytes).toEqual([5, 1]);
    expect(await outcome(cloud.create(ImageSchema, image))).toBe("QUOTA_EXCEEDED size_bytes:quota");
  });
});

describe("a plan", () => {
  test("is refused like the call, tells the quotas that it comes under, and takes nothing", async () => {
    const place = await aPlace();
    await limit(place, { vpcs: 1, vms: 7 });
    const plan = () => cloud.call(kindOf(VpcSchema), "plan", { ...place, vpc: { name: "main", cidr: "10.0.0.0/16" } });
    const told = { scope: `org/${place.orgId}/project/${place.projectId}`, dimension: "vpcs" };
    for (const _ of [1, 2])
      expect(await plan()).toMatchObject({ changes: [{ quotas: [{ ...told, limit: 1n, used: 0n, asked: 1n }] }] });
    await aVpc(place);
    expect(await outcome(plan())).toBe("QUOTA_EXCEEDED :quota");
  });
});

describe("an org's quota", () => {
  test("counts its projects together, and tells of the others to those alone who may know", async () => {
    const place = await aPlace();
    const beside = await aPlace(place.orgId);
    await limit(orgOf(place), { vpcs: 2 });
    await aVpc(beside);
    const asked = { ...place, vpc: { name: "main", cidr: "10.0.0.0/16" } };
    const plan = (terms?: Partial<Call>) => cloud.call(kindOf(VpcSchema), "plan", asked, terms);
    expect(await plan()).toMatchObject({ changes: [{ quotas: [{ used: 1n, limit: 2n }] }] });
    expect(await plan(modest)).toMatchObject({ changes: [{ quotas: [] }] });
    await aVpc(place);
    expect((await faultOf(aVpc(place))).message).toContain("for vpcs is 2: 2 are used, and 1 more would be needed");
    expect((await faultOf(aVpc(place, modest))).message).toBe(
      `the quota of org/${place.orgId} for vpcs leaves no room for this; delete what is not needed, or ask an operator of the cloud to raise it`,
    );
  });

  test("of another org is none of its business", async () => {
    const [place, other] = [await aPlace(), await aPlace()];
    await limit(orgOf(place), { vpcs: 0 });
    expect(await outcome(aVpc(other))).toBe("ok");
    expect(await outcome(aVpc(place))).toBe("QUOTA_EXCEEDED :quota");
  });
});

describe("a quota is set", () => {
  /** May set quotas at one scope, and below it nothing is asked. */
  const at = (org: string, project: string): Partial<Call> => ({
    may: async (permission, path) =>
      permission.startsWith("credits:quotas:") && path.org === org && path.project === project,
  });

  test("from above: who may set those of a scope may not set the limits of that scope itself", async () => {
    const place = await aPlace();
    const { orgId, projectId } = place;
    expect(await outcome(limit(place, { vpcs: 1 }, at(orgId, projectId)))).toBe("PERMISSION_DENIED");
    expect(await outcome(limit(orgOf(place), { vpcs: 1 }, at(orgId, "")))).toBe("PERMISSION_DENIED");
    expect(await outcome(limit(place, { vpcs: 1 }, at(orgId, "")))).toBe("ok");
    const quota = await limit(orgOf(place), { vpcs: 9 }, at("", ""));
    const id = String(Reflect.get(quota, "id"));
    const named = { ...orgOf(place), id };
    const raised = { ...named, quota: { limits: { vpcs: 10n } } };
    expect(await outcome(cloud.call(kindOf(QuotaSchema), "update", raised, at(orgId, "")))).toBe("PERMISSION_DENIED");
    expect(await outcome(cloud.call(kindOf(QuotaSchema), "delete", named, at(orgId, "")))).toBe("PERMISSION_DENIED");
    expect(await outcome(cloud.call(kindOf(QuotaSchema), "update", raised, at("", "")))).toBe("ok");
    expect(await outcome(cloud.call(kindOf(QuotaSchema), "delete", named, at("", "")))).toBe("ok");
  });

  const wrong: [string, Readonly<Record<string, number>>, string][] = [
    ["nothing", {}, "INVALID_FIELDS limits:required"],
    ["what nobody counts", { goats: 1 }, 'INVALID_FIELDS limits["goats"]:unknown_dimension'],
    ["less than nothing", { vms: -1 }, 'INVALID_FIELDS limits["vms"]:range'],
  ];
  test.each(wrong)("of %s: never", async (_, limits, expected) => {
    expect(await outcome(limit(await aPlace(), limits))).toBe(expected);
  });

  test("of the system: never", async () => {
    expect(await outcome(limit({ orgId: "", projectId: "" }, { vms: 1 }))).toBe("INVALID_FIELDS org_id:required");
  });
});

describe("usage", () => {
  test("tells every dimension of a scope that there is", async () => {
    const place = await aPlace();
    await limit(place, { vms: 4 });
    await limit(place, { vms: 3 });
    await aVpc(place);
    expect(await usage(place)).toMatchObject({ vpcs: [1, undefined], vms: [0, 3], quotas: [2, undefined] });
    expect(await usage(orgOf(place))).toMatchObject({
      vpcs: [1, undefined],
      vms: [0, undefined],
      projects: [1, undefined],
    });
    const nowhere = usage({ ...place, projectId: "nowhere" });
    expect(await outcome(nowhere)).toBe("NOT_FOUND project_id:unknown_reference");
    expect(await outcome(usage({ orgId: "", projectId: "" }))).toBe("INVALID_FIELDS org_id:required");
  });

  test("dimensions are what the catalog has: no list names them", async () => {
    const answer = await ask("ListDimensions", create(ListDimensionsRequestSchema));
    if (!isMessage(answer, ListDimensionsResponseSchema)) throw new Error("no dimensions");
    const units = new Map(
      answer.dimensions.map(({ name, unit, kinds }) => [name, `${unit} ${kinds.join(" ")}`.trim()]),
    );
    expect(Object.fromEntries(units)).toMatchObject({
      vpcs: "vpc",
      elastic_ips: "elastic_ip",
      vcpus: "vm",
      memory_mib: "MiB vm",
      disk_gib: "GiB vm",
      snapshot_gib: "GiB vm_snapshot",
      image_bytes: "bytes image",
      projects: "project",
    });
    expect(units.has("hosts")).toBe(false);
  });
});
