// Whose processor time a command is: Terraform's own, its providers' and the server's; what it costs at all, and what each resource adds.
import { median } from "../numbers/median.ts";
import { type Measured, type Name, names, type Rounds } from "./rounds.ts";
import { commandNames } from "./sides.ts";

/** In seconds of processor time, but for the wall's. */
export interface Shares {
  readonly wall: number;
  readonly terraform: number;
  readonly provider: number;
  readonly server: number;
}

const sharesOf = ({ seconds, cpuSeconds, providerCpuSeconds, serverCpuSeconds }: Measured): Shares => ({
  wall: seconds,
  terraform: cpuSeconds - providerCpuSeconds,
  provider: providerCpuSeconds,
  server: serverCpuSeconds,
});

const parts = ["wall", "terraform", "provider", "server"] as const;

/** The median of each part; undefined where the side was not measured. */
export function medianShares(rounds: Rounds, command: (typeof commandNames)[number], name: Name): Shares | undefined {
  const measured = (rounds.get(command) ?? []).flatMap((round) => round.get(name) ?? []);
  if (measured.length === 0) return undefined;
  const shares = measured.map(sharesOf);
  const of = (part: keyof Shares) => median(shares.map((one) => one[part]));
  return { wall: of("wall"), terraform: of("terraform"), provider: of("provider"), server: of("server") };
}

const titles: Readonly<Record<Name, string>> = {
  provider: "ours",
  constant: "constant provider",
  sameState: "terraform_data",
  sameAttributes: "terraform_data, all attributes",
};

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
const seconds = (value: number): string => value.toFixed(2);

function lines(size: number, rounds: Rounds): string {
  return commandNames
    .flatMap((command) =>
      names.flatMap((name) => {
        const shares = medianShares(rounds, command, name);
        if (shares === undefined) return [];
        return [row([`${size}`, command, titles[name], ...parts.map((part) => seconds(shares[part]))])];
      }),
    )
    .join("");
}

/** What a size costs beyond the smallest one, for each resource, in milliseconds. */
function eachLines([small, large]: readonly [number, number], of: ReadonlyMap<number, Rounds>): string {
  return commandNames
    .flatMap((command) =>
      names.flatMap((name) => {
        const shares = [small, large].map((size) => medianShares(of.get(size) ?? new Map(), command, name));
        const [less, more] = shares;
        if (less === undefined || more === undefined) return [];
        const each = (part: keyof Shares) => (((more[part] - less[part]) * 1000) / (large - small)).toFixed(2);
        return [row([command, titles[name], ...parts.map(each)])];
      }),
    )
    .join("");
}

/** Everything as two tables in Markdown. */
export function tables(of: ReadonlyMap<number, Rounds>): string {
  const rule = (count: number) => row(Array(count).fill("---"));
  const all = [...of].map(([size, rounds]) => lines(size, rounds)).join("");
  const whole = `${row(["resources", "command", "side", "s", "Terraform's CPU s", "provider's CPU s", "server's CPU s"])}${rule(7)}${all}`;
  const sizes = [...of.keys()].toSorted((a, b) => a - b);
  const each = sizes
    .slice(1)
    .map((large) => {
      const head = row(["command", "side", "ms", "Terraform's CPU ms", "provider's CPU ms", "server's CPU ms"]);
      return `\nEach resource of ${large}, beyond what ${sizes[0]} cost:\n\n${head}${rule(6)}${eachLines([sizes[0] ?? 0, large], of)}`;
    })
    .join("");
  return whole + each;
}
