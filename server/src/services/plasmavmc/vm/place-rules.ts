// What a machine that is on a host may ask for: it takes over at once what its host can give, and is told what stands in the way of the rest.
import { type Host, HostSchema } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { type PlacementGroup, PlacementGroupSchema } from "@photoncloud/proto/gen/plasmavmc/v1/placement_group_pb";
import { type Vm, VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { Fault } from "../../../fault.ts";
import type { Admission, Elsewhere } from "../../kind.ts";
import { type GroupWish, together } from "./placement/choose.ts";
import { groupGuard } from "./placement/session.ts";
import { cpuLimit, groupWish, hostsOf, promisedBy, sizeOf, viewOf } from "./placement/views.ts";

const mend = "a stopped or running machine can be moved with MigrateVm first, or made anew";

/** @throws Fault NO_HOST where the host that it is on can't give what is asked for. */
export async function admitPlace(admission: Admission, next: Vm, prior: Vm | undefined): Promise<void> {
  if (prior === undefined || prior.hostId === "") return;
  const hosts = admission.elsewhere({ org: "", project: "" });
  const host = (await hosts.get(HostSchema, prior.hostId))?.message;
  if (host === undefined) return;
  checkLabels(next, prior, host);
  checkGrowth(next, prior, host);
  const joined = (next.spec?.placementGroupIds ?? []).filter((id) => !prior.spec?.placementGroupIds.includes(id));
  for (const id of joined) {
    admission.guard(groupGuard(id));
    const { message: group } = await admission.reference(PlacementGroupSchema, id, "spec.placement_group_ids");
    await checkGroup(admission, hosts, host, next, group);
  }
}

function refuse(path: string, message: string): Fault {
  return new Fault("NO_HOST", `${path}: ${message}`, { violations: [{ path, rule: "placement", message }] });
}

/** Only what is new: a host whose labels were changed keeps its machines. */
function checkLabels(next: Vm, prior: Vm, { id, labels }: Host): void {
  for (const [key, value] of Object.entries(next.spec?.hostLabels ?? {}))
    if (prior.spec?.hostLabels[key] !== value && labels[key] !== value)
      throw refuse(
        "spec.host_labels",
        `vm ${next.id} is on host ${id}, which does not have ${JSON.stringify(key)} = ${JSON.stringify(value)}; ${mend}`,
      );
}

const sizes = [
  ["memoryMib", "spec.memory", "MiB of memory"],
  ["diskGib", "spec.disks", "GiB of disk"],
  ["cpu", "spec.cpu", "virtual CPUs"],
] as const;

function checkGrowth(next: Vm, prior: Vm, host: Host): void {
  if (next.spec === undefined || prior.spec === undefined) return;
  const [before, after, promised] = [sizeOf(prior.spec), sizeOf(next.spec), promisedBy(host)];
  const { memoryMib = 0n, diskGib = 0n } = host.capacity ?? {};
  const capacity = { cpu: cpuLimit(host), memoryMib: Number(memoryMib), diskGib: Number(diskGib) };
  for (const [part, path, unit] of sizes) {
    const [more, free] = [after[part] - before[part], Math.max(0, capacity[part] - promised[part])];
    if (more > free && more > 0)
      throw refuse(
        path,
        `it grows by ${more} ${unit}, and its host ${host.id} has ${free} left; ask for less, or move it with MigrateVm first`,
      );
  }
}

/** What a group demands must hold where the machine is. Wishes are heeded when it is placed or moved next. */
async function checkGroup(
  admission: Admission,
  hosts: Pick<Elsewhere, "get">,
  host: Host,
  vm: Vm,
  group: PlacementGroup,
): Promise<void> {
  const wish = groupWish(group, await othersOf(admission, vm.id, group));
  if (!wish.required || (await isKept(hosts, host, wish))) return;
  const [how, among] = wish.policy === "affinity" ? ["together", "elsewhere"] : ["apart", "there, too"];
  throw refuse(
    "spec.placement_group_ids",
    `group ${group.id} keeps its machines ${how} (${wish.over}), and vm ${vm.id} is on host ${host.id} with others ${among}; ${mend}`,
  );
}

/** Where the machines of a group are, without one. */
export async function othersOf(
  admission: Pick<Admission, "users" | "get">,
  vmId: string,
  { id }: Pick<PlacementGroup, "id">,
): Promise<GroupWish["others"]> {
  const users = (await admission.users(PlacementGroupSchema, id)).filter(({ kind }) => kind === VmSchema.typeName);
  const others = users.filter((user) => user.id !== vmId);
  const vms = await Promise.all(others.map((user) => admission.get(VmSchema, user.id)));
  return vms.flatMap((vm) => (vm === undefined ? [] : hostsOf(vm.message).map((hostId) => ({ vmId: vm.id, hostId }))));
}

/** Whether a group's demand holds for a machine on a host. */
export async function isKept(hosts: Pick<Elsewhere, "get">, host: Host, group: GroupWish): Promise<boolean> {
  const ids = new Set(group.others.map(({ hostId }) => hostId));
  const found = await Promise.all([...ids].map((id) => hosts.get(HostSchema, id)));
  const views = found.flatMap((one) => (one === undefined ? [] : [viewOf(one.message, undefined, new Set())]));
  const near = together(viewOf(host, undefined, new Set()), group, new Map(views.map((view) => [view.id, view])));
  return group.policy === "anti_affinity" ? near === 0 : near > 0 || group.others.length === 0;
}
