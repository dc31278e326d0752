// The rows that the driver made, read back in the wire's own form, so that a bare client can write the same ones.
import { setTimeout } from "node:timers/promises";
import type { Table } from "../../server/src/backends/network/ovn/mapping/row.ts";
import { columnsOf, tableNames } from "../../server/src/backends/network/ovn/mapping/tables.ts";
import { isObject, type Json, type JsonObject, listOf } from "../../server/src/backends/network/ovn/ovsdb/json.ts";
import type { BareClient } from "./bare-client.ts";

/** What a client that knows all its rows beforehand would do. */
export const batchSize = 100;

interface WireRow {
  readonly table: string;
  readonly uuid: string;
  readonly columns: JsonObject;
}

export interface Recorded {
  /** Everything but the ports, as the operations of one transaction. */
  readonly base: readonly Json[];
  /** The ports' transactions: a hundred inserts each, and one addition to each set that they come into. */
  readonly batches: readonly Batch[];
}

export interface Batch {
  readonly operations: readonly Json[];
  /** The ports' names. */
  readonly ports: readonly string[];
}

/** @param isPort tells the ports from the rest by their names */
export async function record(client: BareClient, isPort: (name: string) => boolean): Promise<Recorded> {
  const rows = (await Promise.all(tableNames.map((table) => rowsOf(client, table)))).flat();
  const ports = rows.filter(({ table, columns }) => table === "Logical_Switch_Port" && isPort(String(columns.name)));
  const others = rows.filter((row) => !ports.includes(row));
  const uuids = new Set(ports.map(({ uuid }) => uuid));
  const base = others.map(({ table, uuid, columns }) =>
    insertOf(table, uuid, { ...columns, ...withoutPorts(columns, uuids) }),
  );
  const batches = Array.from({ length: Math.ceil(ports.length / batchSize) }, (_, index) =>
    batchOf(ports.slice(index * batchSize, (index + 1) * batchSize), others),
  );
  return { base, batches };
}

export interface Writing {
  /** What follows for each batch once it is written. */
  readonly afterwards?: (ports: readonly string[]) => Promise<void>;
  /** Over how many milliseconds the batches are spread evenly. Default: none waits for anything. */
  readonly over?: number;
}

/** Writes the ports, pipelined. */
export async function write(
  client: BareClient,
  { batches }: Recorded,
  { afterwards, over = 0 }: Writing = {},
): Promise<void> {
  const one = async ({ operations, ports }: Batch, index: number) => {
    if (over > 0) await setTimeout((over * index) / batches.length);
    await client.transact(operations);
    await afterwards?.(ports);
  };
  await Promise.all(batches.map(one));
}

async function rowsOf(client: BareClient, table: Table): Promise<WireRow[]> {
  const [result] = await client.transact([{ op: "select", table, where: [] }]);
  const written = new Set(columnsOf(table));
  const rows = isObject(result) ? listOf(result.rows) : [];
  return rows.filter(isObject).map((row) => ({
    table,
    uuid: String(listOf(row._uuid)[1]),
    columns: Object.fromEntries(
      Object.entries(row).filter(([name, value]) => written.has(name) && !isDefault(name, value)),
    ),
  }));
}

/** What northd writes, and what is empty. */
function isDefault(name: string, value: Json): boolean {
  return name === "up" || value === "" || (Array.isArray(value) && Array.isArray(value[1]) && value[1].length === 0);
}

function insertOf(table: string, uuid: string, row: JsonObject): Json {
  return { op: "insert", table, uuid, row };
}

function withoutPorts({ ports }: JsonObject, uuids: ReadonlySet<string>): JsonObject {
  return ports === undefined
    ? {}
    : {
        ports: [
          "set",
          membersOf(ports)
            .filter((uuid) => !uuids.has(uuid))
            .map(reference),
        ],
      };
}

function batchOf(ports: readonly WireRow[], others: readonly WireRow[]): Batch {
  const uuids = new Set(ports.map(({ uuid }) => uuid));
  const additions = others.flatMap(({ table, uuid, columns }) => {
    const members = membersOf(columns.ports ?? null).filter((member) => uuids.has(member));
    const where = [["_uuid", "==", reference(uuid)]];
    return members.length === 0
      ? []
      : [{ op: "mutate", table, where, mutations: [["ports", "insert", ["set", members.map(reference)]]] }];
  });
  const operations = [...ports.map(({ table, uuid, columns }) => insertOf(table, uuid, columns)), ...additions];
  return { operations, ports: ports.map(({ columns }) => String(columns.name)) };
}

function reference(uuid: string): Json {
  return ["uuid", uuid];
}

function membersOf(set: Json): string[] {
  const [kind, content] = listOf(set);
  return kind === "uuid" ? [String(content)] : listOf(content ?? null).map((member) => String(listOf(member)[1]));
}
