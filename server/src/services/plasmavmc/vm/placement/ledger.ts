// What hosts have promised to machines, row by row: a place for each host that a machine is on or on its way to, and a leftover where it has left
// what must be removed there. The host's sum is changed in the same transaction, so that whoever reads the host alone knows what it has left.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Host, HostPromiseSchema, HostSchema } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import type { Granted, Leftover, Whose } from "../../../../backends/hypervisor/places.ts";
import { messageOf } from "../../../../engine/message.ts";
import type { ResourceKey, ResourceRow, Store, Tx } from "../../../../store/store.ts";
import { hostKey } from "../../host/report.ts";
import type { Size } from "./choose.ts";

const system = { org: "", project: "" };
/** The server's own rows: no kinds of the catalog, so that no surface shows them. */
const [places, leftovers] = ["photoncloud.Place", "photoncloud.Leftover"] as const;
/** More machines than one host has. */
const mostMachines = 100_000;

/** A machine's place on a host. */
export interface Place extends Whose, Size, Granted {
  readonly hostId: string;
}

type Reader = Pick<Store, "list">;

function keyOf(kind: string, { vmId, hostId }: { readonly vmId: string; readonly hostId: string }): ResourceKey {
  return { tenant: system, kind, id: `${vmId}@${hostId}` };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function read({ data, id, name }: ResourceRow): Place {
  const value: unknown = JSON.parse(new TextDecoder().decode(data));
  const number = (part: string) => (isRecord(value) ? Number(value[part] ?? 0) : 0);
  const owner = isRecord(value) ? String(value.owner) : "";
  const size = { cpu: number("cpu"), memoryMib: number("memoryMib"), diskGib: number("diskGib") };
  const disks = isRecord(value) && isRecord(value.disks) ? numbersIn(value.disks) : undefined;
  return { vmId: id.slice(0, id.lastIndexOf("@")), hostId: name, owner, ...size, ...(disks && { disks }) };
}

function numbersIn(record: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, Number(value)]));
}

async function list(reader: Reader, kind: string, hostId?: string): Promise<readonly Place[]> {
  const query = { tenants: [system], kind, limit: mostMachines };
  return (await reader.list(hostId === undefined ? query : { ...query, name: hostId })).map(read);
}

export const placesOn = (reader: Reader, hostId: string) => list(reader, places, hostId);
export const leftoversOn = (reader: Reader, hostId: string): Promise<readonly Leftover[]> =>
  list(reader, leftovers, hostId);
export const allLeftovers = (reader: Reader): Promise<readonly Leftover[]> => list(reader, leftovers);

/** A machine's place on a host. */
export async function placeAt(
  reader: Pick<Store, "get">,
  at: { readonly vmId: string; readonly hostId: string },
): Promise<Place | undefined> {
  const row = await reader.get(keyOf(places, at));
  return row && read(row);
}

/** The changes of one transaction: what it has changed of a host counts for what it does next. */
export class Ledger {
  readonly #tx: Tx;
  readonly #hosts = new Map<string, { readonly row: ResourceRow; readonly outputs: Host }>();

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  /** A host as it is stored, with what this transaction has changed. Undefined: there is none. */
  async host(hostId: string): Promise<Host | undefined> {
    const known = await this.#open(hostId);
    return known && messageOf(HostSchema, { data: known.row.data, observed: toBinary(HostSchema, known.outputs) });
  }

  /** Keeps a place; of another size than before it is changed. */
  async keep(place: Place): Promise<void> {
    const key = keyOf(places, place);
    const row = await this.#tx.get(key);
    const before = row && read(row);
    const { owner, cpu, memoryMib, diskGib, disks } = place;
    const data = new TextEncoder().encode(JSON.stringify({ owner, cpu, memoryMib, diskGib, disks }));
    if (row !== undefined && Buffer.compare(row.data, data) === 0) return;
    const write = { ...key, name: place.hostId, data, claims: [], references: [] };
    if (row === undefined) this.#tx.create(write);
    else this.#tx.update(write);
    await this.#promise(place.hostId, place, before);
  }

  /** Frees a place. `leaves`: the machine may still be there, which is noted. */
  async free(machine: Whose, hostId: string, { leaves }: { readonly leaves: boolean }): Promise<void> {
    const at = { vmId: machine.vmId, hostId };
    const row = await this.#tx.get(keyOf(places, at));
    if (row === undefined) return;
    this.#tx.remove(keyOf(places, at));
    await this.#promise(hostId, undefined, read(row));
    if (leaves) await this.#note({ ...machine, hostId });
  }

  /** What a machine left on a host was removed there. */
  async forget(leftover: Leftover): Promise<void> {
    const key = keyOf(leftovers, leftover);
    if ((await this.#tx.get(key)) !== undefined) this.#tx.remove(key);
  }

  async hasLeftover(at: { readonly vmId: string; readonly hostId: string }): Promise<boolean> {
    return (await this.#tx.get(keyOf(leftovers, at))) !== undefined;
  }

  /** Changes a host's outputs in place, with the promises. */
  async change(hostId: string, edit: (outputs: Host) => void): Promise<void> {
    const known = await this.#open(hostId);
    if (known === undefined) return;
    edit(known.outputs);
    this.#tx.observe(hostKey(hostId), toBinary(HostSchema, known.outputs));
  }

  async #note({ vmId, owner, hostId }: Leftover): Promise<void> {
    const key = keyOf(leftovers, { vmId, hostId });
    if ((await this.#tx.get(key)) !== undefined) return;
    const data = new TextEncoder().encode(JSON.stringify({ owner }));
    this.#tx.create({ ...key, name: hostId, data, claims: [], references: [] });
  }

  #promise(hostId: string, now: Size | undefined, before: Size | undefined): Promise<void> {
    const part = (of: keyof Size) => (now?.[of] ?? 0) - (before?.[of] ?? 0);
    return this.change(hostId, (outputs) => {
      const { cpu, memoryMib, diskGib, machines } = outputs.promised ?? create(HostPromiseSchema);
      outputs.promised = create(HostPromiseSchema, {
        cpu: cpu + part("cpu"),
        memoryMib: memoryMib + BigInt(part("memoryMib")),
        diskGib: diskGib + BigInt(part("diskGib")),
        machines: machines + (now === undefined ? 0 : 1) - (before === undefined ? 0 : 1),
      });
    });
  }

  async #open(hostId: string) {
    const known = this.#hosts.get(hostId);
    if (known !== undefined) return known;
    const row = await this.#tx.get(hostKey(hostId));
    if (row?.phase !== "live") return undefined;
    const opened = { row, outputs: fromBinary(HostSchema, row.observed) };
    this.#hosts.set(hostId, opened);
    return opened;
  }
}
