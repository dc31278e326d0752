// One simulated machine: its definition, what of it the running guest has taken over, and the transitions that take time.
import type { Clock } from "../../../clock.ts";
import { DriverError } from "../../driver-error.ts";
import type { HypervisorDriver, MachineSpec, MachineState } from "../driver.ts";
import { standsStill } from "../moving/sender.ts";

export type Growth = NonNullable<HypervisorDriver["growsWhileRunning"]>;

export interface MachineOptions {
  readonly clock: Clock;
  readonly bootMs: number;
  readonly shutdownMs: number | "never";
  readonly growsWhileRunning: Growth;
  readonly plug: (portId: string, up: boolean) => void;
  readonly power: (spec: MachineSpec, on: boolean) => void;
  readonly changed: (spec: MachineSpec, state: Power) => void;
}

type Power = "stopped" | "starting" | "running" | "stopping" | "failed";

/** A machine that is moved, as it stands still. */
export interface MachineAsItIs {
  readonly spec: MachineSpec;
  readonly booted: MachineSpec;
  readonly power: Power;
  readonly failure: string;
}

export class SimulatedMachine {
  readonly #options: MachineOptions;
  #spec: MachineSpec;
  /** What the guest was started with. */
  #booted: MachineSpec;
  #power: Power = "stopped";
  #failure = "";
  /** Whether it stands still for a move. */
  #isFrozen = false;
  /** Ends the wait of the transition that is under way. */
  #transition = new AbortController();
  /** When the plug is pulled, in the clock's milliseconds. */
  #plugPulledAt = Number.POSITIVE_INFINITY;

  constructor(spec: MachineSpec, options: MachineOptions) {
    this.#spec = structuredClone(spec);
    this.#booted = this.#spec;
    this.#options = options;
  }

  get spec(): MachineSpec {
    return this.#spec;
  }

  get state(): MachineState {
    if (this.#power === "failed") return { state: "failed", reason: this.#failure };
    if (this.#power === "running")
      return {
        state: "running",
        needsRestart: needsRestart(this.#booted, this.#spec),
        ...(this.#isFrozen && { trouble: standsStill }),
      };
    return { state: this.#power };
  }

  /** Disks grow and interfaces come and go while it runs; CPUs and memory wait for a restart. @throws DriverError "refused" if a disk should shrink. */
  redefine(spec: MachineSpec): void {
    for (const disk of spec.disks) {
      const before = this.#spec.disks.find(({ id }) => id === disk.id);
      if (before !== undefined && before.sizeGib > disk.sizeGib)
        throw new DriverError("refused", `disk ${disk.id} of vm ${spec.vmId} can't shrink from ${before.sizeGib} GiB`);
    }
    this.#unplug(this.#spec);
    this.#spec = structuredClone(spec);
    if (this.#power !== "running") return;
    this.#booted = grown(this.#booted, this.#spec, this.#options.growsWhileRunning);
    this.#plug(this.#spec);
  }

  start(): void {
    if (this.#power === "running" || this.#power === "starting") return;
    this.#enter("starting");
    this.#after(this.#options.bootMs, () => {
      this.#booted = this.#spec;
      this.#plug(this.#spec);
      this.#enter("running");
    });
  }

  /** Boots again as it is. False: it does not run. */
  reset(): boolean {
    if (this.#power !== "running") return false;
    this.#enter("starting");
    this.#after(this.#options.bootMs, () => this.#enter("running"));
    return true;
  }

  stop(graceMs: number): void {
    if (this.#power === "stopped") return;
    const pullAt = this.#options.clock.now() + graceMs;
    if (this.#power === "stopping" && pullAt >= this.#plugPulledAt) return;
    this.#plugPulledAt = pullAt;
    if (graceMs <= 0 || this.#power === "failed") this.#off();
    else this.#shutDown(graceMs);
  }

  crash(reason: string): void {
    if (this.#power === "stopped") return;
    this.#failure = reason;
    this.#unplug(this.#spec);
    this.#enter("failed");
  }

  /** Its guest shuts itself down. */
  end(): void {
    if (this.#power === "running") this.#off();
  }

  /** It stands still, so that it may go on elsewhere. @throws DriverError "unavailable" while it starts or stops. */
  freeze(): MachineAsItIs {
    if (this.#power === "starting" || this.#power === "stopping")
      throw new DriverError("unavailable", `vm ${this.#spec.vmId} is ${this.#power}`);
    this.#unplug(this.#spec);
    this.#isFrozen = true;
    return structuredClone({ spec: this.#spec, booted: this.#booted, power: this.#power, failure: this.#failure });
  }

  /** It goes on here. */
  thaw(): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    if (this.#power === "running") this.#plug(this.#spec);
  }

  /** It has gone on elsewhere. */
  leave(): void {
    if (this.#power !== "stopped") this.#enter("stopped");
  }

  /** Goes on here as it stood still elsewhere. */
  arrive({ booted, power, failure }: MachineAsItIs): void {
    [this.#booted, this.#failure] = [booted, failure];
    if (power === "running") this.#plug(this.#spec);
    this.#enter(power);
  }

  #shutDown(graceMs: number): void {
    const { shutdownMs } = this.#options;
    this.#enter("stopping");
    this.#after(shutdownMs === "never" ? graceMs : Math.min(shutdownMs, graceMs), () => this.#off());
  }

  #off(): void {
    this.#unplug(this.#spec);
    this.#enter("stopped");
  }

  #enter(power: Power): void {
    this.#transition.abort();
    this.#power = power;
    if (power !== "stopping") this.#plugPulledAt = Number.POSITIVE_INFINITY;
    this.#options.changed(this.#spec, power);
  }

  /** Does something later, unless another transition begins before. */
  #after(ms: number, then: () => void): void {
    const transition = new AbortController();
    this.#transition = transition;
    void this.#options.clock.sleep(ms, transition.signal).then(() => {
      if (!transition.signal.aborted) then();
    });
  }

  #plug(spec: MachineSpec): void {
    for (const nic of spec.nics) this.#options.plug(nic.portId, true);
    this.#options.power(spec, true);
  }

  #unplug(spec: MachineSpec): void {
    for (const nic of spec.nics) this.#options.plug(nic.portId, false);
    this.#options.power(spec, false);
  }
}

/** What a running machine has of its size, after it has taken over what it can. */
function grown(booted: MachineSpec, spec: MachineSpec, { cpu, memory }: Growth): MachineSpec {
  return {
    ...booted,
    cpu: cpu ? Math.max(booted.cpu, spec.cpu) : booted.cpu,
    memoryMib: memory ? Math.max(booted.memoryMib, spec.memoryMib) : booted.memoryMib,
  };
}

function needsRestart(booted: MachineSpec, spec: MachineSpec): boolean {
  return booted.cpu !== spec.cpu || booted.memoryMib !== spec.memoryMib;
}
