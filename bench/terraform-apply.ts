// What the cloud and its provider add to Terraform: networks with a subnet and a port each, against as many of Terraform's own
// terraform_data, once about as large in the state and once with all the attributes; and against a provider that makes its answers
// of the questions: what the plugin protocol costs by itself. All in one run, in turns. `terraform-apply.ts 100 1000` measures these
// sizes alone. Whose the time is stands in .photon/bench/terraform.md after each size: a long run that is cut short has told something.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServerProcess } from "../test/terraform/server-process.ts";
import type { Figure } from "./main.ts";
import { median } from "./numbers/median.ts";
import { bytesEach, countsOf, kindsOf } from "./terraform/configurations.ts";
import { type Measured, measure, type Name, type Round, type Rounds } from "./terraform/rounds.ts";
import { tables } from "./terraform/shares.ts";
import { type Command, type Environments, environments } from "./terraform/sides.ts";

const defaultSizes = [1, 100, 1000, 2000];
/** The most that the cloud answers in one page. */
const pageSize = 1000;

const figure = (name: string, value: number, floor: number, unit: string): Figure => ({
  name,
  value,
  floor,
  ratio: value / floor,
  unit,
});

/** Terraform's, its providers' and the server's: on a machine with other work it says more than the time. */
const cpuOf = (one: Measured): number => one.cpuSeconds + one.serverCpuSeconds;
/** Terraform's process alone: no provider, however quick, comes below what it costs with one that answers constants. */
const ownCpuOf = (one: Measured): number => one.cpuSeconds - one.providerCpuSeconds;
const seconds = (one: Measured): number => one.seconds;

interface Comparison {
  readonly name: string;
  readonly value: Name;
  readonly floor: Name;
  readonly take: (one: Measured) => number;
  readonly unit: string;
}

const comparisons: readonly Comparison[] = [
  { name: "", value: "provider", floor: "sameState", take: seconds, unit: "s" },
  { name: ", all attributes", value: "provider", floor: "sameAttributes", take: seconds, unit: "s" },
  { name: ", to the protocol alone", value: "provider", floor: "constant", take: seconds, unit: "s" },
  { name: ", the protocol alone", value: "constant", floor: "sameState", take: seconds, unit: "s" },
  { name: ", CPU of all", value: "provider", floor: "sameState", take: cpuOf, unit: "s" },
  { name: ", CPU of all, the protocol alone", value: "constant", floor: "sameState", take: cpuOf, unit: "s" },
  { name: ", Terraform's own CPU", value: "provider", floor: "sameState", take: ownCpuOf, unit: "s" },
  {
    name: ", Terraform's own CPU, the protocol alone",
    value: "constant",
    floor: "sameState",
    take: ownCpuOf,
    unit: "s",
  },
  {
    name: ", provider's CPU",
    value: "provider",
    floor: "constant",
    take: (one) => one.providerCpuSeconds,
    unit: "s",
  },
  {
    name: ", provider's memory",
    value: "provider",
    floor: "constant",
    take: (one) => one.providerMib,
    unit: "MiB",
  },
];

function figuresOf(resources: number, command: Command, rounds: readonly Round[]): Figure[] {
  const what = `${command} of ${resources}`;
  const of = (side: Name, take: (one: Measured) => number) => {
    const taken = rounds.flatMap((round) => round.get(side) ?? []).map(take);
    return taken.length === 0 ? undefined : median(taken);
  };
  const figures = comparisons.flatMap(({ name, value, floor, take, unit }) => {
    const [ours, theirs] = [of(value, take), of(floor, take)];
    return ours === undefined || theirs === undefined ? [] : [figure(`${what}${name}`, ours, theirs, unit)];
  });
  const server = ((of("provider", (one) => one.serverCpuSeconds) ?? Number.NaN) * 1000) / resources;
  figures.push(figure(`${what}, server's CPU for each`, server, 1, "ms"));
  if (command !== "no-op plan") return figures;
  const pages = kindsOf(countsOf(resources)) * Math.ceil(resources / 3 / pageSize);
  const calls = of("provider", (one) => one.calls) ?? Number.NaN;
  return [...figures, figure(`${what}, calls to kinds x pages`, calls, pages, "calls")];
}

function stateFigures(resources: number, stateOf: (name: Name) => string | undefined): Figure[] {
  const bytes = (name: Name) => {
    const state = stateOf(name);
    return state === undefined ? undefined : bytesEach(state);
  };
  const [value, same, all] = [bytes("provider"), bytes("sameState"), bytes("sameAttributes")];
  return [
    { name: `each of ${resources} in the state`, floor: same },
    { name: `each of ${resources} in the state, all attributes`, floor: all },
  ].flatMap(({ name, floor }) =>
    value === undefined || floor === undefined ? [] : [figure(name, value, floor, "bytes")],
  );
}

async function measureAll(sizes: readonly number[], env: Environments, server: ServerProcess): Promise<Figure[]> {
  const [figures, all]: [Figure[], Map<number, Rounds>] = [[], new Map()];
  for (const resources of sizes) {
    // A token lasts less long than all sizes together may take.
    const provider = { ...env.provider, PHOTON_TOKEN: await server.token() };
    const rounds = await measure(resources, { ...env, provider }, server, (stateOf) => {
      figures.push(...stateFigures(resources, stateOf));
    });
    all.set(resources, rounds);
    tell(tables(all));
    for (const [command, taken] of rounds) figures.push(...figuresOf(resources, command, taken));
  }
  return figures;
}

/** Writes down whose the time was. */
function tell(text: string): void {
  const folder = join(import.meta.dirname, "../.photon/bench");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "terraform.md"), text);
}

/** Plans, applies, plans again and destroys. The server is a process of its own, with SQLite on disk. */
export async function bench(sizes: readonly number[] = defaultSizes): Promise<readonly Figure[]> {
  const server = new ServerProcess();
  const folder = mkdtempSync(join(tmpdir(), "photon-bench-mirror-"));
  try {
    await server.start();
    await server.call("iam.v1.OrgService/CreateOrg", { id: "acme" });
    await server.call("iam.v1.ProjectService/CreateProject", { orgId: "acme", id: "web" });
    return await measureAll(sizes, await environments(folder, server), server);
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const sizes = process.argv.slice(2).map(Number);
  const figures = await bench(sizes.length === 0 ? defaultSizes : sizes);
  const rounded = (value: number) => Number(value.toPrecision(3));
  console.table(
    figures.map((one) => ({ ...one, value: rounded(one.value), floor: rounded(one.floor), ratio: rounded(one.ratio) })),
  );
}
