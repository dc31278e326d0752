// What a drain would move where, as things are now: each machine takes its room before the next is looked at. Nothing is stored.
import { PowerState, type Vm } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { PlaceQuestion, PlannedMove, Whose } from "../../../../backends/hypervisor/places.ts";
import { choose, type HostView, judge } from "./choose.ts";
import { copyUnderWay, relatedIn } from "./copying.ts";
import { placesOn } from "./ledger.ts";
import { whose, wishFor } from "./placing.ts";
import type { Session } from "./session.ts";
import { questionOfMade } from "./stored.ts";
import { isMoving } from "./views.ts";
import { summaryOf } from "./words.ts";

export async function previewDrain(
  session: Session,
  hostId: string,
  { stop }: { readonly stop: boolean },
): Promise<readonly PlannedMove[]> {
  let hosts = await session.hosts();
  const planned: PlannedMove[] = [];
  for (const machine of await placesOn(session.tx, hostId)) {
    const vm = await session.vm(machine);
    if (vm === undefined || vm.hostId !== hostId) continue;
    const move = await planOne(session, hosts, vm, machine, stop);
    planned.push(move);
    hosts = hosts.map((host) => (host.id === move.targetHostId ? withMore(host, machine) : host));
  }
  return planned;
}

async function planOne(
  session: Session,
  hosts: readonly HostView[],
  vm: Vm,
  machine: Whose & PlaceSize,
  stop: boolean,
): Promise<PlannedMove> {
  const named = { ...whose(machine), name: vm.name };
  if (isMoving(vm)) return { ...named, targetHostId: vm.move?.targetHostId ?? "", reason: "it is being moved now" };
  const copy = await copyUnderWay(relatedIn(session, machine.owner), vm);
  if (copy !== undefined) return { ...named, reason: copy.words };
  const question: PlaceQuestion = await questionOfMade(session, vm, machine.owner);
  const source = hosts.find(({ id }) => id === vm.hostId);
  const wish = {
    ...(await wishFor(session, question)),
    leaves: vm.hostId,
    ...(source && { driver: source.driver }),
  };
  const targetHostId = choose(hosts, wish);
  if (targetHostId === undefined)
    return { ...named, reason: `no other host may run it: ${summaryOf(judge(hosts, wish))}` };
  return { ...named, targetHostId, reason: howOf(vm, question, { stop, accelerator: source?.accelerator }) };
}

interface How {
  readonly stop: boolean;
  readonly accelerator: string | undefined;
}

function howOf({ powerState }: Vm, { machine }: PlaceQuestion, { stop, accelerator }: How): string {
  if (powerState === PowerState.STOPPED) return "it is moved as it is, stopped";
  if (machine === "microvm") return stop ? "it is shut down, moved and started again" : "it can be moved stopped alone";
  if (accelerator === "tcg")
    return "it is moved while it runs; its guest is emulated, and stands still while its memory is copied";
  return "it is moved while it runs";
}

interface PlaceSize {
  readonly cpu: number;
  readonly memoryMib: number;
  readonly diskGib: number;
}

function withMore(host: HostView, { cpu, memoryMib, diskGib }: PlaceSize): HostView {
  const { promised } = host;
  return {
    ...host,
    promised: {
      cpu: promised.cpu + cpu,
      memoryMib: promised.memoryMib + memoryMib,
      diskGib: promised.diskGib + diskGib,
    },
  };
}
