// Terraform's values in MessagePack, by their type; a codec is compiled once per type.
import { Decimal, toBigInt } from "./decimal.ts";
import { type Item, Reader } from "./msgpack-reader.ts";
import { Writer } from "./msgpack-writer.ts";
import { type Type, typeFromJson, typeToJson } from "./type.ts";
import { Dynamic, isList, isMap, isNumber, type Num, numberText, Unknown, type Value } from "./value.ts";

type Decode = (reader: Reader, item: Item) => Value;
type Encode = (writer: Writer, value: Value) => void;

export interface Codec {
  decode(bytes: Uint8Array): Value;
  encode(value: Value): Buffer;
}

class Mismatch extends Error {
  constructor(expected: string, got: string) {
    super(`expected ${expected}, got ${got}`);
  }
}

const describe = (value: Value): string => (value === null ? "null" : isList(value) ? "a list" : typeof value);

function plainDecoder(type: Type): Decode {
  switch (type.kind) {
    case "string":
      return (_, item) => {
        if (item.kind === "string") return item.value;
        throw new Mismatch("a string", item.kind);
      };
    case "number":
      return (_, item) => {
        if (item.kind === "number") return item.value;
        if (item.kind === "string") return new Decimal(item.value);
        throw new Mismatch("a number", item.kind);
      };
    case "bool":
      return (_, item) => {
        if (item.kind === "bool") return item.value;
        throw new Mismatch("a bool", item.kind);
      };
    case "dynamic":
      return (reader, item) => {
        if (item.kind !== "array" || item.size !== 2) throw new Mismatch("a type and a value", item.kind);
        const notation = reader.next();
        if (notation.kind !== "bin" && notation.kind !== "string") throw new Mismatch("a type", notation.kind);
        const text = typeof notation.value === "string" ? notation.value : Buffer.from(notation.value).toString();
        const of = typeFromJson(JSON.parse(text));
        return new Dynamic(of, decoder(of)(reader, reader.next()));
      };
    case "list":
    case "set": {
      const decode = decoder(type.of);
      return (reader, item) => {
        if (item.kind !== "array") throw new Mismatch(`a ${type.kind}`, item.kind);
        return Array.from({ length: item.size }, () => decode(reader, reader.next()));
      };
    }
    case "tuple": {
      const decoders = type.of.map(decoder);
      return (reader, item) => {
        if (item.kind !== "array" || item.size !== decoders.length) throw new Mismatch("a tuple", item.kind);
        return decoders.map((decode) => decode(reader, reader.next()));
      };
    }
    case "map": {
      const decode = decoder(type.of);
      return entriesDecoder(() => decode);
    }
    case "object": {
      const decoders = new Map([...type.fields].map(([name, of]) => [name, decoder(of)]));
      const entries = entriesDecoder((name) => decoders.get(name));
      return (reader, item) => {
        if (item.kind === "map" && item.size === decoders.size) return entries(reader, item);
        throw new Mismatch(
          `an object with ${decoders.size} attributes`,
          item.kind === "map" ? `${item.size}` : item.kind,
        );
      };
    }
  }
}

function entriesDecoder(decoderOf: (key: string) => Decode | undefined): Decode {
  return (reader, item) => {
    if (item.kind !== "map") throw new Mismatch("a map", item.kind);
    const entries = new Map<string, Value>();
    for (let i = 0; i < item.size; i++) {
      const key = reader.next();
      if (key.kind !== "string") throw new Mismatch("a key", key.kind);
      const decode = decoderOf(key.value);
      if (decode === undefined) throw new Mismatch("a known attribute", JSON.stringify(key.value));
      entries.set(key.value, decode(reader, reader.next()));
    }
    return entries;
  };
}

function decoder(type: Type): Decode {
  const decode = plainDecoder(type);
  return (reader, item) => {
    if (item.kind === "nil") return null;
    if (item.kind === "ext") return new Unknown(item.type === 12 ? item.value : undefined);
    return decode(reader, item);
  };
}

const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

const wholeOf = (value: Num): bigint | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : toBigInt(numberText(value));

/** As Terraform itself writes numbers: int64 where exact, float64 where the text comes back from it, else text. */
function encodeNumber(writer: Writer, value: Num): void {
  const whole = wholeOf(value);
  if (typeof value === "number" && !Number.isInteger(value)) writer.float(value);
  else if (whole !== undefined && whole >= int64Min && whole <= int64Max) writer.integer(whole);
  else writer.string(whole === undefined ? numberText(value) : `${whole}`);
}

function plainEncoder(type: Type): Encode {
  switch (type.kind) {
    case "string":
      return (writer, value) => {
        if (typeof value !== "string") throw new Mismatch("a string", describe(value));
        writer.string(value);
      };
    case "number":
      return (writer, value) => {
        if (!isNumber(value)) throw new Mismatch("a number", describe(value));
        encodeNumber(writer, value);
      };
    case "bool":
      return (writer, value) => {
        if (typeof value !== "boolean") throw new Mismatch("a bool", describe(value));
        writer.bool(value);
      };
    case "dynamic":
      return (writer, value) => {
        if (!(value instanceof Dynamic)) throw new Mismatch("a value with its type", describe(value));
        writer.array(2);
        writer.bin(Buffer.from(JSON.stringify(typeToJson(value.type))));
        encoder(value.type)(writer, value.value);
      };
    case "list":
    case "set": {
      const encode = encoder(type.of);
      return (writer, value) => {
        if (!isList(value)) throw new Mismatch(`a ${type.kind}`, describe(value));
        writer.array(value.length);
        for (const item of value) encode(writer, item);
      };
    }
    case "tuple": {
      const encoders = type.of.map(encoder);
      return (writer, value) => {
        if (!isList(value) || value.length !== encoders.length) throw new Mismatch("a tuple", describe(value));
        writer.array(value.length);
        encoders.forEach((encode, i) => {
          encode(writer, value[i] ?? null);
        });
      };
    }
    case "map": {
      const encode = encoder(type.of);
      return (writer, value) => {
        if (!isMap(value)) throw new Mismatch("a map", describe(value));
        writer.map(value.size);
        for (const [key, item] of value) {
          writer.string(key);
          encode(writer, item);
        }
      };
    }
    case "object": {
      const encoders = [...type.fields].map(([name, of]) => ({ name, key: keyOf(name), encode: encoder(of) }));
      return (writer, value) => {
        if (!isMap(value)) throw new Mismatch("an object", describe(value));
        writer.map(encoders.length);
        for (const { name, key, encode } of encoders) {
          const item = value.get(name);
          if (item === undefined) throw new Mismatch(`attribute ${name}`, "nothing");
          writer.raw(key);
          encode(writer, item);
        }
      };
    }
  }
}

/** An attribute's name as it stands before its value. */
function keyOf(name: string): Uint8Array {
  const writer = new Writer();
  writer.string(name);
  return writer.finish();
}

function encoder(type: Type): Encode {
  const encode = plainEncoder(type);
  return (writer, value) => {
    if (value === null) writer.nil();
    else if (value instanceof Unknown) writer.unknown(value.refinements);
    else encode(writer, value);
  };
}

/** Compiles the codec of a type. Both directions throw an Error that says what was expected. */
export function codec(type: Type): Codec {
  const decode = decoder(type);
  const encode = encoder(type);
  return {
    decode(bytes) {
      const reader = new Reader(bytes);
      const value = decode(reader, reader.next());
      if (!reader.done) throw new Mismatch("one value", "more");
      return value;
    },
    encode(value) {
      const writer = new Writer();
      encode(writer, value);
      return writer.finish();
    },
  };
}

/** What an unknown's refinements say: whether it may be null, and how its string begins. */
export function readRefinements(value: Unknown): { notNull: boolean; prefix: string } {
  const result = { notNull: false, prefix: "" };
  if (value.refinements === undefined || value.refinements.length === 0) return result;
  const reader = new Reader(value.refinements);
  const head = reader.next();
  for (let i = 0; head.kind === "map" && i < head.size && !reader.done; i++) {
    const key = reader.next();
    const item = reader.next();
    for (let inner = item.kind === "array" ? item.size : 0; inner > 0; inner--) reader.next();
    if (key.kind !== "number") continue;
    if (key.value === 1 && item.kind === "bool") result.notNull = !item.value;
    if (key.value === 2 && item.kind === "string") result.prefix = item.value;
  }
  return result;
}
