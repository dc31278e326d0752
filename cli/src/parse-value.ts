// Reads the text of a flag as a value of its field's type.
import type { FieldType } from "@photoncloud/proto";
import { parse } from "yaml";
import { camelKeys } from "./camel-keys.ts";
import { choicesOf, isMark } from "./flags.ts";
import { UsageError } from "./usage-error.ts";

function refuse(flag: string, text: string, wanted: string): never {
  throw new UsageError(`--${flag}: ${JSON.stringify(text)} was given; ${wanted}`);
}

function number(flag: string, text: string, whole: boolean): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isNaN(value) || (whole && !Number.isInteger(value)))
    return refuse(flag, text, whole ? "a whole number is wanted" : "a number is wanted");
  return value;
}

function json(flag: string, text: string, type: FieldType): unknown {
  try {
    // YAML reads JSON, and is kinder to a shell's quotes.
    return camelKeys(type, parse(text));
  } catch {
    return refuse(flag, text, "JSON is wanted");
  }
}

/** "90", "90s", "1m30s", "2h" → "90s", "90s", "90s", "7200s" */
function duration(flag: string, text: string): string {
  const parts = /^(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d{1,9})?)s)?$/.exec(
    /^[\d.]+$/.test(text) ? `${text}s` : text,
  );
  if (parts === null) return refuse(flag, text, 'a time like "1m30s" is wanted');
  const [, hours = "0", minutes = "0", seconds = "0"] = parts;
  const whole = Number(hours) * 3600 + Number(minutes) * 60;
  return whole === 0 ? `${seconds}s` : `${whole + Number(seconds)}s`;
}

/** One value of a type that is no list and no map. */
export function parseValue(flag: string, type: FieldType, text: string): unknown {
  switch (type.type) {
    case "bool":
      if (text !== "true" && text !== "false") return refuse(flag, text, "true or false is wanted");
      return text === "true";
    case "int32":
      return number(flag, text, true);
    case "float":
      return number(flag, text, false);
    case "int64":
      return /^-?\d+$/.test(text) ? BigInt(text) : refuse(flag, text, "a whole number is wanted");
    case "enum":
      if (!choicesOf(type).includes(text)) return refuse(flag, text, `allowed: ${choicesOf(type).join(", ")}`);
      return text;
    case "duration":
      return duration(flag, text);
    case "bytes":
      return new Uint8Array(Buffer.from(text, "base64"));
    case "message":
      return isMark(type) ? {} : json(flag, text, type);
    default:
      return text;
  }
}

/** key=value; the value may have further equal signs. */
function entry(flag: string, type: FieldType, text: string): [string, unknown] {
  const at = text.indexOf("=");
  if (at < 1) return refuse(flag, text, "key=value is wanted");
  return [text.slice(0, at), parseValue(flag, type, text.slice(at + 1))];
}

function items(flag: string, type: FieldType, text: string): unknown[] {
  if (type.type !== "message" || !text.trimStart().startsWith("[")) return [parseValue(flag, type, text)];
  const list = json(flag, text, { type: "list", of: type });
  return Array.isArray(list) ? list : [list];
}

/** The value of a flag from everything that was given to it. A list that was given one empty text is empty. */
export function parseFlag(flag: string, type: FieldType, texts: readonly string[]): unknown {
  if (type.type === "list") return texts.filter((text) => text !== "").flatMap((text) => items(flag, type.of, text));
  if (type.type === "map")
    return Object.fromEntries(texts.filter((text) => text !== "").map((text) => entry(flag, type.of, text)));
  const [text = "", ...more] = texts;
  if (more.length > 0) throw new UsageError(`--${flag} is given ${texts.length} times; give it once`);
  return parseValue(flag, type, text);
}
