// Every way a machine goes from one state to another: what the cloud decides, in the order in which it looks, and what happens by itself.
// docs/vm-states.md is drawn from these tables.
import type { MachineState } from "../../../backends/hypervisor/driver.ts";

export type Doing = MachineState["state"];
export type Wanted = "running" | "stopped";
export type Policy = "always" | "on_failure" | "never";

/** What a decision is made from. */
export interface Situation {
  readonly state: Doing;
  readonly wanted: Wanted;
  readonly policy: Policy;
  /** It runs with less than what its definition says by now, or a reboot was asked for. */
  readonly needsRestart: boolean;
  /** It ran, and nobody asked it to stop. */
  readonly ranUnasked: boolean;
  /** Its restart is agreed on: now is the time, or not yet. */
  readonly restart: "none" | "later" | "now";
}

/** What the cloud does with a machine. */
export type Act =
  /** Nothing: it is as asked for. */
  | "settle"
  /** It takes its time. */
  | "wait"
  | "start"
  /** Asks the guest to shut down, and pulls the plug when it does not. */
  | "halt"
  /** Says when it is started again. */
  | "agree"
  /** Nothing: its policy leaves it so. */
  | "leave"
  /** Nothing but to say so: it died, and its policy leaves it so. */
  | "mourn";

export interface Decision {
  readonly from: readonly Doing[];
  readonly wanted: Wanted | "either";
  /** Beside the state and what is wanted. Undefined: nothing. */
  readonly where?: (situation: Situation) => boolean;
  readonly act: Act;
  /** Where it goes to; undefined: it stays. */
  readonly to?: Doing;
  /** For people. */
  readonly words: string;
}

/** Of these the first that fits is taken. */
export const decisions: readonly Decision[] = [
  { from: ["stopped"], wanted: "stopped", act: "settle", words: "it is as asked for" },
  {
    from: ["running"],
    wanted: "running",
    where: ({ needsRestart }) => needsRestart,
    act: "halt",
    to: "stopping",
    words: "a change or RebootVm needs a restart",
  },
  { from: ["running"], wanted: "running", act: "settle", words: "it is as asked for" },
  { from: ["running", "starting"], wanted: "stopped", act: "halt", to: "stopping", words: "it should be stopped" },
  { from: ["failed"], wanted: "stopped", act: "halt", to: "stopped", words: "it should be stopped" },
  { from: ["starting", "stopping"], wanted: "either", act: "wait", words: "the guest takes its time" },
  {
    from: ["stopped", "failed"],
    wanted: "running",
    where: ({ restart }) => restart === "now",
    act: "start",
    to: "starting",
    words: "its restart policy starts it again",
  },
  {
    from: ["stopped", "failed"],
    wanted: "running",
    where: ({ restart }) => restart === "later",
    act: "wait",
    words: "it ended again and again: ever more time is left between",
  },
  {
    from: ["stopped"],
    wanted: "running",
    where: ({ ranUnasked }) => !ranUnasked,
    act: "start",
    to: "starting",
    words: "it should run",
  },
  {
    from: ["stopped"],
    wanted: "running",
    where: ({ policy }) => policy !== "always",
    act: "leave",
    words: "restart policy on_failure or never: a guest that shut itself down stays so",
  },
  {
    from: ["failed"],
    wanted: "running",
    where: ({ policy }) => policy === "never",
    act: "mourn",
    words: "restart policy never: a machine that died stays so",
  },
  { from: ["stopped", "failed"], wanted: "running", act: "agree", words: "it is agreed when it is started again" },
];

/** What the cloud does about a machine now. */
export function decide(situation: Situation): Decision {
  const fits = ({ from, wanted, where }: Decision) =>
    from.includes(situation.state) &&
    (wanted === "either" || wanted === situation.wanted) &&
    (where === undefined || where(situation));
  const found = decisions.find(fits);
  if (found === undefined) throw new Error(`no decision is made for ${JSON.stringify(situation)}`);
  return found;
}

/** What nobody decides: the guest and its hypervisor do it. */
export interface Move {
  readonly from: Doing;
  readonly to: Doing;
  readonly words: string;
}

export const moves: readonly Move[] = [
  { from: "starting", to: "running", words: "it has power" },
  { from: "starting", to: "failed", words: "it can't be started" },
  { from: "running", to: "stopped", words: "the guest shuts itself down" },
  { from: "running", to: "failed", words: "the guest dies" },
  { from: "running", to: "starting", words: "ResetVm" },
  { from: "stopping", to: "stopped", words: "the guest is down, or its plug was pulled" },
];
