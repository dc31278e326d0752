// One transaction about places: machines, groups and hosts as they are stored, with what the transaction has changed of them so far.
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { HostSchema } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { PlacementGroupSchema } from "@photoncloud/proto/gen/plasmavmc/v1/placement_group_pb";
import { type Vm, VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { Whose } from "../../../../backends/hypervisor/places.ts";
import { messageOf } from "../../../../engine/message.ts";
import type { ResourceKey, ResourceRow, Tenant, Tx } from "../../../../store/store.ts";
import type { GroupWish, HostView } from "./choose.ts";
import { allLeftovers, Ledger, type Place, placeAt } from "./ledger.ts";
import { groupWish, hostsOf, type KnownHost, viewOf } from "./views.ts";

/** More hosts than one cloud has. */
const mostHosts = 10_000;
/** More machines than one group has. */
const mostMembers = 10_000;

export type Known = (hostId: string) => KnownHost | undefined;

export function tenantOf(owner: string): Tenant {
  const [org = "", project = ""] = owner.split("/");
  return { org, project };
}

export const vmKey = ({ vmId, owner }: Whose): ResourceKey => ({
  tenant: tenantOf(owner),
  kind: VmSchema.typeName,
  id: vmId,
});

/** Whoever reads who belongs to a group, and whoever makes a placed machine a member, guards this. */
export const groupGuard = (groupId: string): string => `placement-group/${groupId}`;

export class Session {
  readonly tx: Tx;
  readonly ledger: Ledger;
  readonly #known: Known;
  readonly #vms = new Map<string, { readonly row: ResourceRow; readonly outputs: Vm }>();
  #views: Promise<Map<string, HostView>> | undefined;

  constructor(tx: Tx, known: Known) {
    this.tx = tx;
    this.ledger = new Ledger(tx);
    this.#known = known;
  }

  /** Undefined: there is none. One that is being deleted still has its place. */
  async vm(whose: Whose): Promise<Vm | undefined> {
    const opened = await this.#open(vmKey(whose));
    return opened && messageOf(VmSchema, { data: opened.row.data, observed: toBinary(VmSchema, opened.outputs) });
  }

  /** Changes a machine's outputs in place. */
  async edit(whose: Whose, edit: (outputs: Vm) => void): Promise<void> {
    const key = vmKey(whose);
    const opened = await this.#open(key);
    if (opened === undefined) return;
    edit(opened.outputs);
    this.tx.observe(key, toBinary(VmSchema, opened.outputs));
  }

  /** The groups of a machine, and where their other machines are. */
  async groupsOf(machine: Whose, groupIds: readonly string[]): Promise<readonly GroupWish[]> {
    for (const id of groupIds) this.tx.guard(groupGuard(id));
    const groups = await Promise.all(groupIds.map((id) => this.#group(machine, id)));
    return groups.filter((group) => group !== undefined);
  }

  /** All hosts, by id. */
  async hosts(): Promise<readonly HostView[]> {
    return [...(await this.#allHosts()).values()];
  }

  /** A host as it is in this transaction, which does not commit if the host changes before. */
  async host(hostId: string): Promise<HostView | undefined> {
    const views = await this.#allHosts();
    const host = await this.ledger.host(hostId);
    const view = host && viewOf(host, this.#known(hostId), views.get(hostId)?.leftovers ?? new Set());
    if (view === undefined) views.delete(hostId);
    else views.set(hostId, view);
    return view;
  }

  /** What a host has promised a machine, as of before this transaction. */
  place(vmId: string, hostId: string): Promise<Place | undefined> {
    return placeAt(this.tx, { vmId, hostId });
  }

  async #group({ vmId, owner }: Whose, id: string): Promise<GroupWish | undefined> {
    const key = { tenant: tenantOf(owner), kind: PlacementGroupSchema.typeName, id };
    const row = await this.tx.get(key);
    if (row === undefined) return undefined;
    const users = (await this.tx.referrers(key, mostMembers)).filter((user) => user.kind === VmSchema.typeName);
    const members = await Promise.all(
      users.filter((user) => user.id !== vmId).map((user) => this.vm({ vmId: user.id, owner })),
    );
    const others = members.flatMap((vm) => (vm ? hostsOf(vm).map((hostId) => ({ vmId: vm.id, hostId })) : []));
    return groupWish(messageOf(PlacementGroupSchema, row), others);
  }

  #allHosts(): Promise<Map<string, HostView>> {
    this.#views ??= this.#readHosts();
    return this.#views;
  }

  async #readHosts(): Promise<Map<string, HostView>> {
    const left = new Map<string, Set<string>>();
    for (const { hostId, vmId } of await allLeftovers(this.tx))
      left.set(hostId, (left.get(hostId) ?? new Set()).add(vmId));
    const query = { tenants: [{ org: "", project: "" }], kind: HostSchema.typeName, limit: mostHosts };
    const rows = (await this.tx.list(query)).filter(({ phase }) => phase === "live");
    const views = rows.map((row) =>
      viewOf(messageOf(HostSchema, row), this.#known(row.id), left.get(row.id) ?? new Set<string>()),
    );
    return new Map(views.map((view) => [view.id, view]));
  }

  async #open(key: ResourceKey) {
    const known = this.#vms.get(key.id);
    if (known !== undefined) return known;
    const row = await this.tx.get(key);
    if (row === undefined) return undefined;
    const opened = { row, outputs: fromBinary(VmSchema, row.observed) };
    this.#vms.set(key.id, opened);
    return opened;
  }
}
