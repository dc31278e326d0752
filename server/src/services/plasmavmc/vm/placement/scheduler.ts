// Where machines may be, over the store: the decisions of all servers are one after the other where they concern the same host or group.

import { timestampMs } from "@bufbuild/protobuf/wkt";
import { HostFailurePolicy, type Vm, VmMovePhase, VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { MachineSpec } from "../../../../backends/hypervisor/driver.ts";
import type {
  DrainTerms,
  Granted,
  Leftover,
  MoveTerms,
  PlacedMachine,
  PlaceQuestion,
  Places,
  PlannedMove,
  Stayed,
  Verdict,
  Whose,
} from "../../../../backends/hypervisor/places.ts";
import { messageOf } from "../../../../engine/message.ts";
import { Gatherer } from "../../../../gatherer.ts";
import type { Store } from "../../../../store/store.ts";
import { named } from "../../host/drain.ts";
import { isAsAsked } from "./grants.ts";
import { leftoversOn, placeAt, placesOn } from "./ledger.ts";
import { arrive, beginMove, cancelOrder, isOrdered, orderMove, rebuild, release, stay } from "./moving.ts";
import { explain, place } from "./placing.ts";
import { previewDrain } from "./preview.ts";
import { type Known, Session, vmKey } from "./session.ts";
import { isMoving } from "./views.ts";

export interface SchedulerOptions {
  readonly store: Store;
  /** What this server knows of a host. */
  readonly known: Known;
  /** Brings that up to date. */
  refresh(): Promise<void>;
}

/** Machines that are placed by one transaction: the hosts are read once for all of them. */
const placedAtOnce = 64;

export class Scheduler implements Places {
  readonly #options: SchedulerOptions;
  readonly #wishes: Gatherer<MachineSpec, string>;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#wishes = new Gatherer(placedAtOnce, (specs) => this.#placeAll(specs));
  }

  async place(spec: MachineSpec, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const { hostId, vmId } = spec;
    const known = hostId === undefined ? undefined : await placeAt(this.#options.store, { vmId, hostId });
    return hostId !== undefined && known !== undefined && isAsAsked(spec, known) ? hostId : this.#wishes.add(spec);
  }

  granted(at: { readonly vmId: string; readonly hostId: string }): Promise<Granted | undefined> {
    return placeAt(this.#options.store, at);
  }

  release(machine: Whose, isLeft: (hostId: string) => boolean): Promise<void> {
    return this.#transact((session) => release(session, machine, isLeft));
  }

  async rebuild(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#options.refresh();
    const error = await this.#transact((session) => rebuild(session, spec));
    if (error !== undefined) throw error;
  }

  async beginMove(spec: MachineSpec, terms: MoveTerms, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#options.refresh();
    await this.#transact((session) => beginMove(session, spec, terms));
  }

  arrive(machine: Whose): Promise<void> {
    return this.#transact((session) => arrive(session, machine));
  }

  stay(machine: Whose, stayed: Stayed): Promise<void> {
    return this.#transact((session) => stay(session, machine, stayed));
  }

  orderMove(machine: Whose, terms: DrainTerms): Promise<void> {
    return this.#transact((session) => orderMove(session, machine, terms));
  }

  noteWaiting(hostId: string, left: number, waiting: readonly (Whose & { reason: string })[]): Promise<void> {
    return this.#transact(({ ledger }) =>
      ledger.change(hostId, ({ evacuation }) => {
        if (evacuation) Object.assign(evacuation, { left, waiting: waiting.map((one) => named(one, one.reason)) });
      }),
    );
  }

  wake(machine: Whose): Promise<void> {
    return this.#transact(async ({ tx }) => tx.schedule(vmKey(machine)));
  }

  async cancelMoves(hostId: string): Promise<void> {
    for (const machine of await placesOn(this.#options.store, hostId))
      await this.#transact((session) => cancelOrder(session, machine, hostId));
  }

  async machinesOn(hostId: string): Promise<readonly PlacedMachine[]> {
    const { store } = this.#options;
    const machines = await Promise.all(
      (await placesOn(store, hostId)).map(async (placed) => {
        const row = await store.get(vmKey(placed));
        return row && placedMachine(hostId, placed, messageOf(VmSchema, row));
      }),
    );
    return machines.filter((machine) => machine !== undefined);
  }

  leftovers(hostId: string): Promise<readonly Leftover[]> {
    return leftoversOn(this.#options.store, hostId);
  }

  swept(leftover: Leftover): Promise<void> {
    return this.#transact((session) => session.ledger.forget(leftover));
  }

  async explain(question: PlaceQuestion): Promise<readonly Verdict[]> {
    await this.#options.refresh();
    return this.#transact((session) => explain(session, question));
  }

  async previewDrain(hostId: string, options: { readonly stop: boolean }): Promise<readonly PlannedMove[]> {
    await this.#options.refresh();
    return this.#transact((session) => previewDrain(session, hostId, options));
  }

  async #placeAll(specs: readonly MachineSpec[]): Promise<readonly (string | Error)[]> {
    await this.#options.refresh();
    return this.#transact(async (session) => {
      const placed: (string | Error)[] = [];
      for (const spec of specs) placed.push(await place(session, spec));
      return placed;
    });
  }

  #transact<T>(run: (session: Session) => Promise<T>): Promise<T> {
    const { store, known } = this.#options;
    return store.transact((tx) => run(new Session(tx, known)));
  }
}

function placedMachine(hostId: string, { vmId, owner }: Whose, vm: Vm): PlacedMachine {
  const { move } = vm;
  const isOver = move?.phase === VmMovePhase.FAILED || move?.phase === VmMovePhase.CANCELLED;
  const doing = isMoving(vm)
    ? vm.hostId === hostId
      ? "under way"
      : "arriving"
    : isOrdered(vm)
      ? "ordered"
      : undefined;
  return {
    vmId,
    owner,
    name: vm.name,
    rebuilds: vm.spec?.onHostFailure === HostFailurePolicy.REBUILD,
    ...(doing === undefined ? {} : { move: doing }),
    ...(isOver && move.endTime ? { failed: { reason: move.reason, at: timestampMs(move.endTime) } } : {}),
  };
}
