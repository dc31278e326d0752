// Prints answers as tables, JSON or YAML.
import type { Field, Kind } from "@photoncloud/proto";
import { stringify } from "yaml";
import type { AnyResource } from "./clients.ts";
import { columnsOf } from "./columns.ts";
import { isMark } from "./flags.ts";
import type { Io } from "./io.ts";
import { plainOf, textOf } from "./plain.ts";
import { tableText } from "./table.ts";

export const formats = ["table", "json", "yaml"] as const;
export type Format = (typeof formats)[number];

/** Anything, as JSON or YAML. */
export function printData(io: Io, format: "json" | "yaml", value: unknown): void {
  io.out(format === "json" ? `${JSON.stringify(plainOf(value), null, 2)}\n` : stringify(plainOf(value)));
}

/** Many resources. */
export function printList(io: Io, format: Format, kind: Kind, resources: readonly AnyResource[]): void {
  if (format !== "table") {
    printData(io, format, resources);
    return;
  }
  const columns = columnsOf(kind);
  const now = io.now();
  const rows = resources.map((resource) => columns.map((column) => column.value({ ...resource }, now)));
  io.out(
    tableText(
      columns.map((column) => column.heading),
      rows,
    ),
  );
}

function lines(value: object, marks: ReadonlySet<string>, prefix = ""): [string, string][] {
  return Object.entries(value).flatMap(([key, item]): [string, string][] => {
    const isMessage =
      typeof item === "object" &&
      item !== null &&
      !Array.isArray(item) &&
      !(item instanceof Date || item instanceof Uint8Array);
    const path = `${prefix}${key}`;
    if (marks.has(path)) return [[path, "yes"]];
    if (isMessage) return lines(item, marks, `${path}.`);
    if (Array.isArray(item) && item.some((one) => typeof one === "object"))
      return item.flatMap((one: object, at): [string, string][] => lines(one, marks, `${path}[${at}].`));
    const text = textOf(item);
    return text === "" ? [] : [[path, text]];
  });
}

/** One thing: a line for each of its values that is not empty; `fields` tell which of them say something by being there alone. */
export function printOne(io: Io, format: Format, value: object, fields: readonly Field[] = []): void {
  if (format !== "table") {
    printData(io, format, value);
    return;
  }
  const marks = fields.filter(({ type }) => isMark(type)).map(({ localName }) => localName);
  const rows = lines(value, new Set(marks));
  const width = Math.max(0, ...rows.map(([path]) => path.length));
  io.out(rows.map(([path, text]) => `${path.padEnd(width)}  ${text}\n`).join(""));
}

/** One line of a stream: JSON in one line, YAML as a document, or cells. */
export function printLine(io: Io, format: Format, value: unknown, cells: readonly string[]): void {
  if (format === "json") io.out(`${JSON.stringify(plainOf(value))}\n`);
  else if (format === "yaml") io.out(`---\n${stringify(plainOf(value))}`);
  else io.out(`${cells.join("  ")}\n`);
}
