// `npm run bench [name …]`: runs the benchmarks of this folder and prints each figure as a ratio to a floor measured in the same run.
import { readdirSync } from "node:fs";

/** One figure. `ratio` is value / floor; `better` says which way is better. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly floor: number;
  readonly ratio: number;
  readonly unit: string;
}

const round = (value: number) => (Math.abs(value) >= 100 ? Math.round(value).toString() : value.toPrecision(3));
const wanted = process.argv.slice(2);
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && file !== "main.ts")
  .map((file) => file.slice(0, -3))
  .filter((name) => wanted.length === 0 || wanted.includes(name));

for (const name of names) {
  console.log(`\n${name}`);
  const { bench }: { bench: () => Promise<readonly Figure[]> } = await import(`./${name}.ts`);
  for (const figure of await bench())
    console.log(
      `  ${figure.name.padEnd(58)} ${round(figure.value).padStart(9)} ${figure.unit.padEnd(10)} floor ${round(figure.floor).padStart(9)}   ratio ${round(figure.ratio)}`,
    );
}
process.exit(0);
