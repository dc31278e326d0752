// Messages of the cloud's as the value rules read them (validate of @photoncloud/proto), made of protobuf's JSON by the catalog alone.
import type { FieldFacts, TypeFacts } from "@photoncloud/proto";
import { isJsonObject, type JsonObject } from "./json-object.ts";
import { parseDuration, parseTimestamp } from "./time.ts";

const nanosPerSecond = 1_000_000_000n;

/** As google.protobuf.Timestamp and Duration; undefined where the text is none. */
const timeOf = (nanos: bigint | undefined) =>
  nanos === undefined ? undefined : { seconds: nanos / nanosPerSecond, nanos: Number(nanos % nanosPerSecond) };

/** A time before 1970 has its fraction counted forward (google/protobuf/timestamp.proto). */
const momentOf = (nanos: bigint | undefined) => {
  const fraction = nanos === undefined ? 0n : ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
  return nanos === undefined ? undefined : { seconds: (nanos - fraction) / nanosPerSecond, nanos: Number(fraction) };
};

function valueIn(type: TypeFacts, json: unknown): unknown {
  switch (type.type) {
    case "message":
      return isJsonObject(json) ? messageOf(type.fields, json) : undefined;
    case "list":
      return Array.isArray(json) ? json.map((item) => valueIn(type.of, item)) : undefined;
    case "map":
      return isJsonObject(json)
        ? Object.fromEntries(Object.entries(json).map(([key, item]) => [key, valueIn(type.of, item)]))
        : undefined;
    case "int64":
      return BigInt(String(json));
    case "bytes":
      return Buffer.from(String(json), "base64");
    case "timestamp":
      return momentOf(parseTimestamp(String(json)));
    case "duration":
      return timeOf(parseDuration(String(json)));
    default:
      return json;
  }
}

/** A message of these fields, in the shape that protobuf-es gives it. Of a oneof, the last member that is given. */
export function messageOf(fields: readonly FieldFacts[], json: JsonObject): Readonly<Record<string, unknown>> {
  const message: Record<string, unknown> = {};
  for (const { desc, localName, oneof, type } of fields) {
    const given = json[desc.jsonName];
    if (given === undefined || given === null) continue;
    const value = valueIn(type, given);
    if (oneof === undefined) message[localName] = value;
    else message[oneof.localName] = { case: localName, value };
  }
  return message;
}
