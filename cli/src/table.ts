// Text tables.

/** Rows under their headings, columns two blanks apart, no blanks at the ends of lines. */
export function tableText(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, at) => Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd();
  return [headings, ...rows].map((cells) => `${line(cells)}\n`).join("");
}

const units: readonly [number, string][] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "m"],
];

/** How long ago, in one unit: "3d", "5h", "2m", "41s". */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [size, unit] = units.find(([length]) => seconds >= length) ?? [1, "s"];
  return `${Math.floor(seconds / size)}${unit}`;
}
