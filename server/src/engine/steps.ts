// Runs a reconciler's steps on one resource: ensure forward, remove backward. Knows neither tasks nor the store.
import type { DescMessage } from "@bufbuild/protobuf";
import type { NotYet, Step, StepContext } from "./reconciler.ts";

/** How a pass over the steps ended. */
export type StepsEnd =
  | { readonly end: "finished" }
  | { readonly end: "not_yet"; readonly step: string; readonly notYet: NotYet }
  | { readonly end: "failed"; readonly step: string; readonly error: unknown }
  /** The signal was aborted: what was done stays, what was not done is left to whoever comes next. */
  | { readonly end: "aborted"; readonly step: string };

/** Runs the steps in their order until one is not done. Never throws. */
export async function runSteps<Desc extends DescMessage, Drivers>(
  steps: readonly Step<Desc, Drivers>[],
  way: "ensure" | "remove",
  context: StepContext<Desc, Drivers>,
): Promise<StepsEnd> {
  for (const step of way === "ensure" ? steps : steps.toReversed()) {
    const ended = await runStep(step, way, context);
    if (ended !== undefined) return ended;
  }
  return { end: "finished" };
}

async function runStep<Desc extends DescMessage, Drivers>(
  step: Step<Desc, Drivers>,
  way: "ensure" | "remove",
  context: StepContext<Desc, Drivers>,
): Promise<StepsEnd | undefined> {
  const aborted = { end: "aborted", step: step.name } as const;
  if (context.signal.aborted) return aborted;
  try {
    const notYet = await orAborted(step[way](context), context.signal);
    if (notYet === "aborted") return aborted;
    return notYet ? { end: "not_yet", step: step.name, notYet } : undefined;
  } catch (error) {
    return context.signal.aborted ? aborted : { end: "failed", step: step.name, error };
  }
}

/** Waits for a step, but no longer than the signal: a step that ignores it must not hold its place forever. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | "aborted"> {
  return new Promise((resolve, reject) => {
    const abort = () => resolve("aborted");
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
