// What every hypervisor driver that moves machines must do, as Jest tests for any of them, on two hosts. Call `movesContract` at the top of a test file.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../clock.ts";
import { DriverError } from "../driver-error.ts";
import { sampleMachine, untilMachine } from "./contract.ts";
import type { HypervisorDriver, ImageSource, MachineMoves, MachineSpec, MoveState } from "./driver.ts";

/** Two hosts that carry machines to each other. */
export interface MoveField {
  readonly hosts: readonly [HypervisorDriver, HypervisorDriver];
  /** Ends a host's driver as a crash does, and opens another in its place. Left out: machines end with their driver. */
  readonly restart?: (which: 0 | 1) => Promise<void>;
  /** Breaks all that is being carried. */
  cut(): void;
  close(): Promise<void>;
}

export interface MovesContract {
  /** Names the tests: "simulated", "qemu". */
  readonly name: string;
  readonly open: () => Promise<MoveField>;
  /** An image that boots. */
  readonly image: ImageSource;
  /** How long a guest may take to boot, or to be moved, in milliseconds. Default 5,000. */
  readonly patienceMs?: number;
}

const { signal } = new AbortController();
/** How often a move is looked at, in milliseconds. */
const lookMs = 5;

export function movesOf({ moves }: HypervisorDriver): MachineMoves {
  if (moves === undefined) throw new Error("this driver moves no machines");
  return moves;
}

/** Waits until a move is done or has failed. @throws Error after `withinMs`. */
export async function untilMoved(
  from: HypervisorDriver,
  vmId: string,
  withinMs: number,
): Promise<MoveState | undefined> {
  for (const deadline = Date.now() + withinMs; ; await systemClock.sleep(lookMs, signal)) {
    const now = await movesOf(from).state(vmId, signal);
    if (now?.phase !== "copying") return now;
    if (Date.now() > deadline) throw new Error(`after ${withinMs} ms ${vmId} is still copied: ${JSON.stringify(now)}`);
  }
}

/** Moves a machine as the services do: what has failed is begun anew, until it is done. */
export async function moveMachine(
  from: HypervisorDriver,
  to: HypervisorDriver,
  spec: MachineSpec,
  withinMs: number,
): Promise<void> {
  const { vmId } = spec;
  for (const deadline = Date.now() + withinMs; ; ) {
    const now = await untilMoved(from, vmId, withinMs);
    if (now?.phase === "done") break;
    if (Date.now() > deadline) throw new Error(`after ${withinMs} ms ${vmId} has not moved: ${JSON.stringify(now)}`);
    await movesOf(from).send(vmId, await movesOf(to).offer(spec, signal), signal);
  }
  await movesOf(to).settle(vmId, signal);
  await from.remove(vmId, signal);
}

/** Registers the tests. */
export function movesContract({ name, open, image, patienceMs = 5_000 }: MovesContract): void {
  describe(`moves of the hypervisor driver ${name}`, () => {
    let field: MoveField;
    const both: string[] = [];
    const [a, b] = [() => field.hosts[0], () => field.hosts[1]];
    const hear: (() => void)[] = [];
    /** At no time do two of them run. */
    const watch = () => {
      for (const unhear of hear.splice(0)) unhear();
      for (const host of field.hosts) hear.push(host.onChange(({ vmId }) => void look(vmId).catch(() => {})));
    };
    const look = async (vmId: string) => {
      const states = await Promise.all(field.hosts.map((host) => host.state(vmId, signal)));
      if (states.every((one) => one?.state === "running" && one.trouble === undefined)) both.push(vmId);
    };
    beforeAll(async () => {
      field = await open();
      watch();
    });
    afterEach(async () => {
      for (const host of field.hosts)
        for (const vmId of (await host.inventory(signal)).machines) await host.remove(vmId, signal);
      expect(both).toEqual([]);
    });
    afterAll(async () => {
      for (const unhear of hear) unhear();
      await field.close();
    });

    const stopped = async (vmId: string, change: Partial<MachineSpec> = {}) => {
      const spec = { ...sampleMachine(vmId, image.imageId), ...change };
      await a().define(spec, signal);
      return spec;
    };
    const running = async (vmId: string) => {
      const spec = await stopped(vmId);
      await a().start(vmId, signal);
      await untilMachine(a(), vmId, "running", patienceMs);
      return spec;
    };
    const moved = (spec: MachineSpec) => moveMachine(a(), b(), spec, patienceMs);
    const isOnly = async (at: HypervisorDriver, vmId: string, state: "running" | "stopped") => {
      const other = at === a() ? b() : a();
      expect(await at.state(vmId, signal)).toMatchObject({ state });
      expect(await other.state(vmId, signal)).toBeUndefined();
      expect((await other.inventory(signal)).machines).not.toContain(vmId);
    };
    /** Up to where the source copies. */
    const begun = async (spec: MachineSpec) => {
      const offer = await movesOf(b()).offer(spec, signal);
      await movesOf(a()).send(spec.vmId, offer, signal);
      return offer;
    };

    test("a running machine goes on at the other host, and comes back", async () => {
      const spec = await running("vm-there");
      await moved(spec);
      await isOnly(b(), "vm-there", "running");
      await moveMachine(b(), a(), spec, patienceMs);
      await isOnly(a(), "vm-there", "running");
    });

    test("a stopped machine moves as well, and starts where it is", async () => {
      const spec = await stopped("vm-off");
      await moved(spec);
      await isOnly(b(), "vm-off", "stopped");
      await b().start("vm-off", signal);
      await untilMachine(b(), "vm-off", "running", patienceMs);
    });

    test("what is asked again changes nothing, and what is asked too early is refused", async () => {
      const spec = await running("vm-again");
      await refused(movesOf(b()).settle("vm-again", signal), "missing");
      await refused(movesOf(a()).offer(spec, signal), "refused");
      await refused(movesOf(b()).offer({ ...spec, imageId: "image-nowhere" }, signal), "missing");
      const offer = await movesOf(b()).offer(spec, signal);
      expect(await movesOf(b()).offer(spec, signal)).toEqual(offer);
      await refused(movesOf(b()).settle("vm-again", signal), "missing");
      await refused(movesOf(a()).send("vm-nowhere", offer, signal), "missing");
      expect(await movesOf(a()).state("vm-again", signal)).toBeUndefined();
      expect(await b().state("vm-again", signal)).toBeUndefined();
      await movesOf(a()).send("vm-again", offer, signal);
      await movesOf(a()).send("vm-again", offer, signal);
      await refused(a().define({ ...spec, memoryMib: 256 }, signal), "unavailable");
      expect(await untilMoved(a(), "vm-again", patienceMs)).toEqual({ phase: "done" });
      await movesOf(a()).send("vm-again", offer, signal);
      for (const host of field.hosts) await movesOf(host).cancel("vm-again", signal);
      expect(await movesOf(a()).state("vm-again", signal)).toEqual({ phase: "done" });
      expect(await a().state("vm-again", signal)).toEqual({ state: "stopped" });
      await refused(a().start("vm-again", signal), "refused");
      await refused(a().define(spec, signal), "refused");
      await movesOf(b()).settle("vm-again", signal);
      await movesOf(b()).settle("vm-again", signal);
      await a().remove("vm-again", signal);
      await isOnly(b(), "vm-again", "running");
    });

    test("a machine comes back to a host that has not cleared away what it left", async () => {
      const spec = await running("vm-back");
      await begun(spec);
      expect(await untilMoved(a(), "vm-back", patienceMs)).toEqual({ phase: "done" });
      await movesOf(b()).settle("vm-back", signal);
      await moveMachine(b(), a(), spec, patienceMs);
      await isOnly(a(), "vm-back", "running");
    });

    test.each([
      ["its place alone was made", false, [1, 0]],
      ["it is copied, at the source first", true, [0, 1]],
      ["it is copied, at the destination first", true, [1, 0]],
    ] as const)("a move that is cancelled when %s leaves the machine where it was", async (_, send, order) => {
      const spec = await running("vm-cancelled");
      if (send) await begun(spec);
      else await movesOf(b()).offer(spec, signal);
      for (const which of order) await movesOf(field.hosts[which]).cancel("vm-cancelled", signal);
      for (const host of field.hosts) expect(await movesOf(host).state("vm-cancelled", signal)).toBeUndefined();
      await isOnly(a(), "vm-cancelled", "running");
      await moved(spec);
      await isOnly(b(), "vm-cancelled", "running");
    });

    test("a machine that is stopped while it is moved ends the move, and moves when it is asked anew", async () => {
      const spec = await running("vm-ended");
      await begun(spec);
      await a().stop("vm-ended", { graceMs: 0 }, signal);
      await untilMachine(a(), "vm-ended", "stopped", patienceMs);
      expect(await untilMoved(a(), "vm-ended", patienceMs)).toMatchObject({ phase: "failed" });
      await moved(spec);
      await isOnly(b(), "vm-ended", "stopped");
    });

    test("a line that is cut in the middle leaves one machine, which moves when it is asked anew", async () => {
      const spec = await running("vm-cut");
      await begun(spec);
      field.cut();
      await untilMoved(a(), "vm-cut", patienceMs);
      await moved(spec);
      await isOnly(b(), "vm-cut", "running");
    });

    test("a machine is removed at both ends in the middle of its move", async () => {
      await begun(await running("vm-removed"));
      for (const host of field.hosts) await host.remove("vm-removed", signal);
      for (const host of field.hosts) expect(await host.state("vm-removed", signal)).toBeUndefined();
    });

    test("snapshots come along, or the move is refused with a reason", async () => {
      const { snapshots } = a();
      if (snapshots === undefined) return;
      const spec = await stopped("vm-snapshots");
      await snapshots.take("vm-snapshots", "snap-1", signal);
      const offer = await movesOf(b()).offer(spec, signal);
      const sent = await movesOf(a())
        .send("vm-snapshots", offer, signal)
        .catch((error: unknown) => error);
      if (sent !== undefined) return expect(sent).toMatchObject({ reason: "refused" });
      await moved(spec);
      expect(await b().snapshots?.list("vm-snapshots", signal)).toEqual(["snap-1"]);
    });

    const points = ["offered", "copied", "done", "settled"] as const;
    const crashes = ([0, 1] as const).flatMap((which) => points.map((point) => ({ which, point })));
    test.each(crashes)(
      "a crash of host $which when it is $point leaves one machine, and asking again ends the move",
      async ({ which, point }) => {
        if (field.restart === undefined) return;
        const spec = await running("vm-crash");
        if (point === "offered") await movesOf(b()).offer(spec, signal);
        else await begun(spec);
        if (point === "done" || point === "settled") await untilMoved(a(), "vm-crash", patienceMs);
        if (point === "settled") await movesOf(b()).settle("vm-crash", signal);
        await field.restart(which);
        watch();
        await moved(spec);
        await isOnly(b(), "vm-crash", "running");
      },
    );
  });
}

async function refused(work: Promise<unknown>, reason: DriverError["reason"]): Promise<void> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(DriverError);
  expect(error).toMatchObject({ reason });
}
