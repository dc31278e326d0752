// Gives machines their places, in a transaction.
import type { Vm } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../../../backends/driver-error.ts";
import type { MachineSpec } from "../../../../backends/hypervisor/driver.ts";
import type { PlaceQuestion, Verdict, Whose } from "../../../../backends/hypervisor/places.ts";
import { choose, type HostView, judge, type Wish } from "./choose.ts";
import { sourceLeaves } from "./copying.ts";
import { grant } from "./grants.ts";
import type { Session } from "./session.ts";
import { questionOf } from "./stored.ts";
import { hostsOf, stakeOf } from "./views.ts";
import { summaryOf } from "./words.ts";

/** What a machine needs of its host, as it is stored now. */
export async function wishFor(session: Session, question: PlaceQuestion): Promise<Wish> {
  const { vmId, cpu, memoryMib, diskGib, architecture, machine, hostLabels, groupIds, imageId } = question;
  return {
    vmId,
    architecture,
    machine,
    hostLabels,
    size: { cpu, memoryMib, diskGib },
    groups: await session.groupsOf(question, groupIds),
    ...(imageId === undefined ? {} : { imageId }),
    ...(await copied(session, question)),
  };
}

async function copied(session: Session, { copyOf, owner }: PlaceQuestion): Promise<Pick<Wish, "copiedOn">> {
  if (copyOf === undefined) return {};
  const source = await session.vm({ vmId: copyOf.vmId, owner });
  return { copiedOn: { snapshotId: copyOf.snapshotId, hostId: source?.hostId ?? "" } };
}

/** The best host, as sure as the transaction commits. */
export async function pick(session: Session, wish: Wish, only?: string): Promise<string | readonly Verdict[]> {
  for (;;) {
    const chosen = choose(await session.hosts(), wish, only);
    if (chosen === undefined) return judge(await session.hosts(), wish, only);
    // Read for sure: what was listed may be older than what is promised by now.
    await session.host(chosen);
    if (choose(await session.hosts(), wish, only) === chosen) return chosen;
  }
}

/** Puts a machine that is nowhere on the best host. */
export async function place(session: Session, spec: MachineSpec): Promise<string | DriverError> {
  const vm = await session.vm(spec);
  if (vm?.spec === undefined) return new DriverError("missing", `there is no vm ${spec.vmId}`);
  if (vm.hostId !== "") return resize(session, spec, vm);
  const leaving = await sourceLeaves(session, spec);
  if (leaving !== undefined) return leaving;
  const found = await pick(session, await wishFor(session, questionOf(vm, spec)));
  if (typeof found !== "string") return noRoom(spec, found);
  await session.ledger.keep({ ...whose(spec), hostId: found, ...stakeOf(vm.spec) });
  await session.edit(spec, (outputs) => {
    outputs.hostId = found;
  });
  return found;
}

/** Promises it what it asks for now, as far as there is room: what it has is its own, so that only what it grows by must be free. */
async function resize(session: Session, spec: MachineSpec, vm: Vm): Promise<string> {
  if (vm.spec === undefined) return vm.hostId;
  const asked = stakeOf(vm.spec);
  for (const hostId of hostsOf(vm)) {
    const host = await session.host(hostId);
    if (host === undefined) continue;
    const before = await session.place(vm.id, hostId);
    const given = before === undefined ? asked : grant(asked, before, host);
    await session.ledger.keep({ ...whose(spec), hostId, ...given });
  }
  return vm.hostId;
}

/** What each host says to a machine; what it has promised the machine itself is no hindrance. */
export async function explain(session: Session, question: PlaceQuestion): Promise<readonly Verdict[]> {
  const wish = await wishFor(session, question);
  const hosts = await Promise.all((await session.hosts()).map((host) => withoutOwn(session, host, question.vmId)));
  return judge(hosts, wish);
}

async function withoutOwn(session: Session, host: HostView, vmId: string): Promise<HostView> {
  const own = vmId === "" ? undefined : await session.place(vmId, host.id);
  if (own === undefined) return host;
  const { cpu, memoryMib, diskGib } = host.promised;
  const promised = { cpu: cpu - own.cpu, memoryMib: memoryMib - own.memoryMib, diskGib: diskGib - own.diskGib };
  return { ...host, promised };
}

export function noRoom({ vmId }: Pick<MachineSpec, "vmId">, verdicts: readonly Verdict[]): DriverError {
  return new DriverError("unavailable", `no host has room for vm ${vmId} now: ${summaryOf(verdicts)}`, {
    status: "NoHost",
  });
}

export function whose({ vmId, owner }: Whose): Whose {
  return { vmId, owner };
}
