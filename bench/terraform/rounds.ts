// The sides of one size, and what each command of theirs took, in turns: all see the same machine.
import type { ServerProcess } from "../../test/terraform/server-process.ts";
import type { Taken } from "./command.ts";
import { type Counts, countsOf, ours, sameAttributes, sameState } from "./configurations.ts";
import { between, doneBy } from "./server-figures.ts";
import { type Command, commandNames, type Environments, Side } from "./sides.ts";

export interface Measured extends Taken {
  /** Of the server. */
  readonly calls: number;
  readonly serverCpuSeconds: number;
}

export const names = ["provider", "constant", "sameState", "sameAttributes"] as const;
export type Name = (typeof names)[number];
/** One turn of a command: by side. */
export type Round = ReadonlyMap<Name, Measured>;
export type Rounds = ReadonlyMap<Command, readonly Round[]>;

/** How a size is measured. */
export interface Effort {
  readonly sides: readonly Name[];
  readonly commands: readonly Command[];
  readonly rounds: number;
}

/**
 * A command of a few resources takes less than the machine's noise: the median of several counts. What Terraform does by itself grows with the
 * square of the resources (it writes the whole state after each), and a destroy most of all: beyond a thousand, a quarter of an hour of it would say
 * nothing about a provider.
 */
export function effortFor(resources: number): Effort {
  if (resources > 1000)
    return { sides: ["provider", "sameState"], commands: ["plan", "apply", "no-op plan"], rounds: 1 };
  return { sides: names, commands: commandNames, rounds: resources <= 10 ? 7 : resources <= 100 ? 3 : 1 };
}

async function measured(side: Side, command: Command, server: ServerProcess): Promise<Measured> {
  const before = await doneBy(server.url);
  const taken = await side.run(command);
  const { calls, cpuSeconds } = between(before, await doneBy(server.url));
  return { ...taken, calls, serverCpuSeconds: cpuSeconds };
}

/** What one resource of each kind looks like in the state: the built-in resources copy it. */
async function sample(env: NodeJS.ProcessEnv, use: (state: string) => Promise<void>): Promise<void> {
  const side = new Side(env);
  try {
    await side.open(ours(countsOf(3)));
    await side.run("apply");
    await use(side.state);
    await side.run("destroy");
  } finally {
    side.close();
  }
}

const hclOf = (name: Name, counts: Counts, state: string): string => {
  if (name === "sameState") return sameState(counts, state);
  return name === "sameAttributes" ? sameAttributes(counts, state) : ours(counts);
};

/** @param applied Told after the first apply, when the states are there. */
export async function measure(
  resources: number,
  env: Environments,
  server: ServerProcess,
  applied: (stateOf: (name: Name) => string | undefined) => void,
): Promise<Rounds> {
  const { sides: wanted, commands, rounds } = effortFor(resources);
  const sides = new Map(wanted.map((name) => [name, new Side(name === "provider" ? env.provider : env.constant)]));
  const taken = new Map<Command, Round[]>(commands.map((command) => [command, []]));
  try {
    await sample(env.provider, async (state) => {
      for (const [name, side] of sides) await side.open(hclOf(name, countsOf(resources), state));
    });
    for (let turn = 0; turn < rounds; turn++)
      for (const command of commands) {
        const round = new Map<Name, Measured>();
        for (const [name, side] of sides) round.set(name, await measured(side, command, server));
        taken.get(command)?.push(round);
        if (command === "apply" && turn === 0) applied((name) => sides.get(name)?.state);
      }
    return taken;
  } finally {
    for (const side of sides.values()) side.close();
  }
}
