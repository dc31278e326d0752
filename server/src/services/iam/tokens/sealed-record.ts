// What a cloud makes once and keeps for good, encrypted under the master key: an authority's key, a signing key.
import type { Records } from "../../../store/store.ts";
import type { Sealing } from "./sealing.ts";

export interface SealedRecordParts {
  readonly records: Records;
  readonly sealing: Sealing;
  readonly space: string;
  readonly key: string;
}

/** Reads what is kept, or makes it: of two servers that both do, the store keeps the first one's. */
export async function keptOnce(parts: SealedRecordParts, make: () => Promise<string>): Promise<string> {
  const { records, sealing, space, key } = parts;
  const known = await read(parts);
  if (known !== undefined) return known;
  await records.put(space, key, sealing.seal(Buffer.from(await make()), space), { expected: 0 });
  const kept = await read(parts);
  if (kept === undefined) throw new Error(`${space}/${key} was not stored`);
  return kept;
}

/** What was kept before there was a master key is sealed as it is read. */
async function read({ records, sealing, space, key }: SealedRecordParts): Promise<string | undefined> {
  const record = await records.get(space, key);
  if (record === undefined) return undefined;
  const value = sealing.open(record.value, space);
  if (sealing.isPlain(record.value))
    await records.put(space, key, sealing.seal(value, space), { expected: record.version });
  return Buffer.from(value).toString("utf8");
}
