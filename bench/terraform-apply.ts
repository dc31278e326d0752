// What the cloud and its provider add to Terraform: networks with a subnet and a port each, against as many of Terraform's own
// terraform_data, once about as large in the state and once with all the attributes; and against a provider that makes its answers
// of the questions: what the plugin protocol costs by itself. All in one run, in turns. `terraform-apply.ts 100 1000` measures these
// sizes alone.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServerProcess } from "../test/terraform/server-process.ts";
import type { Figure } from "./main.ts";
import type { Taken } from "./terraform/command.ts";
import { bytesEach, countsOf, kindsOf, ours, sameAttributes, sameState } from "./terraform/configurations.ts";
import { between, doneBy } from "./terraform/server-figures.ts";
import { type Command, commandNames, type Environments, environments, Side } from "./terraform/sides.ts";

const defaultSizes = [1, 100, 1000, 2000];
/** A command of a few resources takes less than the machine's noise: the median of several counts. */
const roundsOf = (resources: number): number => (resources <= 10 ? 7 : resources <= 100 ? 3 : 1);
/** The most that the cloud answers in one page. */
const pageSize = 1000;

interface Measured extends Taken {
  /** Of the server. */
  readonly calls: number;
  readonly serverCpuSeconds: number;
}
type Name = "provider" | "constant" | "sameState" | "sameAttributes";
const names: readonly Name[] = ["provider", "constant", "sameState", "sameAttributes"];
type Sides = Readonly<Record<Name, Side>>;
type Round = Readonly<Record<Name, Measured>>;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function measured(side: Side, command: Command, server: ServerProcess): Promise<Measured> {
  const before = await doneBy(server.url);
  const taken = await side.run(command);
  const { calls, cpuSeconds } = between(before, await doneBy(server.url));
  return { ...taken, calls, serverCpuSeconds: cpuSeconds };
}

/** One after the other, so that all see the same machine. */
async function round(sides: Sides, command: Command, server: ServerProcess): Promise<Round> {
  const provider = await measured(sides.provider, command, server);
  const constant = await measured(sides.constant, command, server);
  const same = await measured(sides.sameState, command, server);
  return { provider, constant, sameState: same, sameAttributes: await measured(sides.sameAttributes, command, server) };
}

/** The built-in resources copy a state of ours. */
async function open(sides: Sides, resources: number): Promise<void> {
  const counts = countsOf(resources);
  for (const side of [sides.provider, sides.constant]) await side.open(ours(counts));
  await sides.provider.run("apply");
  await sides.sameState.open(sameState(counts, sides.provider.state));
  await sides.sameAttributes.open(sameAttributes(counts, sides.provider.state));
  await sides.provider.run("destroy");
}

const figure = (name: string, value: number, floor: number, unit: string): Figure => ({
  ...{ name, value, floor, ratio: value / floor, unit },
});

/** Terraform's, its providers' and the server's: on a machine with other work it says more than the time. */
const cpuOf = (one: Measured): number => one.cpuSeconds + one.serverCpuSeconds;

function figuresOf(resources: number, command: Command, rounds: readonly Round[]): Figure[] {
  const what = `${command} of ${resources}`;
  const of = (side: Name, take: (one: Measured) => number) => median(rounds.map((one) => take(one[side])));
  const compare = (name: string, value: Name, floor: Name, take: (one: Measured) => number, unit: string) =>
    figure(`${what}${name}`, of(value, take), of(floor, take), unit);
  const seconds = (one: Measured) => one.seconds;
  const figures = [
    compare("", "provider", "sameState", seconds, "s"),
    compare(", all attributes", "provider", "sameAttributes", seconds, "s"),
    compare(", to the protocol alone", "provider", "constant", seconds, "s"),
    compare(", the protocol alone", "constant", "sameState", seconds, "s"),
    compare(", CPU of all", "provider", "sameState", cpuOf, "s"),
    compare(", CPU of all, the protocol alone", "constant", "sameState", cpuOf, "s"),
    compare(", provider's CPU", "provider", "constant", (one) => one.providerCpuSeconds, "s"),
    compare(", provider's memory", "provider", "constant", (one) => one.providerMib, "MiB"),
    figure(
      `${what}, server's CPU for each`,
      (of("provider", (one) => one.serverCpuSeconds) * 1000) / resources,
      1,
      "ms",
    ),
  ];
  if (command !== "no-op plan") return figures;
  const pages = kindsOf(countsOf(resources)) * Math.ceil(resources / 3 / pageSize);
  return [
    ...figures,
    figure(
      `${what}, calls to kinds x pages`,
      of("provider", (one) => one.calls),
      pages,
      "calls",
    ),
  ];
}

async function size(resources: number, env: Environments, server: ServerProcess): Promise<Figure[]> {
  const [alone, rounds] = [
    () => new Side(env.constant),
    new Map<Command, Round[]>(commandNames.map((name) => [name, []])),
  ];
  const sides = { provider: new Side(env.provider), constant: alone(), sameState: alone(), sameAttributes: alone() };
  try {
    await open(sides, resources);
    let states: Figure[] = [];
    for (let left = roundsOf(resources); left > 0; left--)
      for (const command of commandNames) {
        rounds.get(command)?.push(await round(sides, command, server));
        if (command === "apply") states = stateFigures(resources, sides);
      }
    return [...states, ...commandNames.flatMap((name) => figuresOf(resources, name, rounds.get(name) ?? []))];
  } finally {
    for (const name of names) sides[name].close();
  }
}

function stateFigures(resources: number, sides: Sides): Figure[] {
  const value = bytesEach(sides.provider.state);
  return [
    figure(`each of ${resources} in the state`, value, bytesEach(sides.sameState.state), "bytes"),
    figure(`each of ${resources} in the state, all attributes`, value, bytesEach(sides.sameAttributes.state), "bytes"),
  ];
}

/** Plans, applies, plans again and destroys. The server is a process of its own, with SQLite on disk. */
export async function bench(sizes: readonly number[] = defaultSizes): Promise<readonly Figure[]> {
  const server = new ServerProcess();
  const folder = mkdtempSync(join(tmpdir(), "photon-bench-mirror-"));
  try {
    await server.start();
    await server.call("iam.v1.OrgService/CreateOrg", { id: "acme" });
    await server.call("iam.v1.ProjectService/CreateProject", { orgId: "acme", id: "web" });
    const env = await environments(folder, server);
    const figures: Figure[] = [];
    for (const resources of sizes) figures.push(...(await size(resources, env, server)));
    return figures;
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const sizes = process.argv.slice(2).map(Number);
  const rounded = (value: number) => Number(value.toPrecision(3));
  const figures = await bench(sizes.length === 0 ? defaultSizes : sizes);
  console.table(
    figures.map((one) => ({ ...one, value: rounded(one.value), floor: rounded(one.floor), ratio: rounded(one.ratio) })),
  );
}
