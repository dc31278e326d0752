// List filters: terms joined by AND, each `field = "value"`. Parsed once, then asked of each message.
import { isMessage, type Message } from "@bufbuild/protobuf";
import { enumNumber, enumShortName, type Field, type FieldType, fieldValue } from "@photoncloud/proto";
import { Fault } from "../../fault.ts";

/** Whether a message is wanted. */
export type Filter = (message: Message) => boolean;

interface Term {
  /** "spec", "image_id"; the last ones may be a map's key. */
  readonly path: readonly string[];
  readonly at: number;
  readonly value: string;
  readonly valueAt: number;
}

/** A filter of this many terms is a mistake. */
const mostTerms = 20;
/** In characters: as many terms with names and values of usual length. */
const longestFilter = 4_096;

function bad(text: string, at: number, message: string): Fault {
  const whole = `at position ${at + 1} of ${JSON.stringify(text)}: ${message}; a filter is field = "value", several joined by AND`;
  return new Fault("BAD_FILTER", `filter: ${whole}`, {
    violations: [{ path: "filter", rule: "filter", message: whole }],
  });
}

const space = /\s*/y;
const word = /[A-Za-z_][A-Za-z0-9_]*/y;
const bareKey = /[A-Za-z0-9_/-]+/y;
const quoted = /"(?:[^"\\]|\\["\\nt])*"/y;
const bareValue = /[A-Za-z0-9_+.:-]+/y;

/** Reads a filter from left to right. */
class Reader {
  readonly text: string;
  at = 0;
  constructor(text: string) {
    this.text = text;
  }
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }
  skipSpace(): void {
    this.take(space);
  }
  expect(symbol: string): void {
    if (!this.text.startsWith(symbol, this.at))
      throw bad(this.text, this.at, `${JSON.stringify(symbol)} is expected here`);
    this.at += symbol.length;
  }
  has(symbol: string): boolean {
    return this.text.startsWith(symbol, this.at);
  }
}

function unquote(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c === "t" ? "\t" : c));
}

function readPath(reader: Reader): readonly string[] {
  const first = reader.take(word);
  if (first === undefined) throw bad(reader.text, reader.at, "a field's name is expected here");
  const path = [first];
  for (;;) {
    if (reader.has("[")) {
      reader.expect("[");
      const key = reader.take(quoted);
      if (key === undefined) throw bad(reader.text, reader.at, "a key in double quotes is expected here");
      reader.expect("]");
      path.push(unquote(key));
    } else if (reader.has(".")) {
      reader.expect(".");
      const name = reader.take(bareKey);
      if (name === undefined) throw bad(reader.text, reader.at, "a field's name is expected here");
      path.push(name);
    } else return path;
  }
}

function readTerm(reader: Reader): Term {
  reader.skipSpace();
  const at = reader.at;
  const path = readPath(reader);
  reader.skipSpace();
  reader.expect("=");
  reader.skipSpace();
  const valueAt = reader.at;
  const text = reader.take(quoted);
  const value = text === undefined ? reader.take(bareValue) : unquote(text);
  if (value === undefined) throw bad(reader.text, valueAt, "a value in double quotes is expected here");
  return { path, at, value, valueAt };
}

function readTerms(text: string): readonly Term[] {
  if (text.length > longestFilter)
    throw bad(
      text.slice(0, 40),
      longestFilter,
      `it has ${text.length} characters, at most ${longestFilter} are allowed`,
    );
  const reader = new Reader(text);
  const terms = [readTerm(reader)];
  for (;;) {
    reader.skipSpace();
    if (reader.at === text.length) return terms;
    if (reader.take(word)?.toUpperCase() !== "AND") throw bad(text, reader.at, "AND or the end is expected here");
    if (terms.length === mostTerms) throw bad(text, reader.at, `at most ${mostTerms} terms are allowed`);
    terms.push(readTerm(reader));
  }
}

/** Whether a value is the one asked for. */
type Test = (value: unknown) => boolean;

function enumTest(text: string, term: Term, type: Extract<FieldType, { type: "enum" }>): Test {
  const number =
    type.desc.values.find((v) => v.name === term.value)?.number ?? enumNumber(type.desc, term.value.toLowerCase());
  const allowed = type.desc.values.map((v) => enumShortName(type.desc, v.number) || v.name).join(", ");
  if (number === undefined) throw bad(text, term.valueAt, `${JSON.stringify(term.value)} is none of ${allowed}`);
  return (value) => (value ?? 0) === number;
}

function numberTest(text: string, term: Term): Test {
  const wanted = Number(term.value);
  if (term.value.trim() === "" || Number.isNaN(wanted)) throw bad(text, term.valueAt, "a number is expected here");
  return (value) => (typeof value === "bigint" ? String(value) === term.value : (value ?? 0) === wanted);
}

function boolTest(text: string, term: Term): Test {
  if (term.value !== "true" && term.value !== "false") throw bad(text, term.valueAt, "true or false is expected here");
  return (value) => (value ?? false) === (term.value === "true");
}

function testOf(text: string, term: Term, type: FieldType): Test {
  switch (type.type) {
    case "string":
      return (value) => (value ?? "") === term.value;
    case "bool":
      return boolTest(text, term);
    case "int32":
    case "int64":
    case "float":
      return numberTest(text, term);
    case "enum":
      return enumTest(text, term, type);
    default:
      throw bad(text, term.at, `${term.path.join(".")} can't be compared; strings, numbers, booleans and enums can`);
  }
}

/** The test of a term on a value of a type: names lead into messages, keys into maps; of a list any element will do. */
function compile(text: string, term: Term, type: FieldType, rest: readonly string[]): Test {
  if (type.type === "list") {
    const test = compile(text, term, type.of, rest);
    return (value) => Array.isArray(value) && value.some(test);
  }
  const [name, ...deeper] = rest;
  if (name === undefined) return testOf(text, term, type);
  if (type.type === "map") {
    const test = compile(text, term, type.of, deeper);
    return (value) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, name) && test(Reflect.get(value, name));
  }
  if (type.type === "message") return within(text, term, type.fields, rest);
  throw bad(text, term.at, `${term.path.join(".")} leads into a value that has no fields`);
}

function within(text: string, term: Term, fields: readonly Field[], path: readonly string[]): Test {
  const [name, ...rest] = path;
  const allowed = fields.filter((field) => !field.sensitive && !field.inputOnly);
  const field = allowed.find((one) => one.name === name);
  if (field === undefined)
    throw bad(
      text,
      term.at,
      `there is no field ${JSON.stringify(term.path.join("."))}; there are ${allowed.map((f) => f.name).join(", ")}`,
    );
  const test = compile(text, term, field.type, rest);
  return (value) => test(isMessage(value) ? fieldValue(field, value) : undefined);
}

/** @throws Fault BAD_FILTER with the position and what is allowed there. */
export function parseFilter(fields: readonly Field[], text: string): Filter | undefined {
  if (text.trim() === "") return undefined;
  const tests = readTerms(text).map((term) => within(text, term, fields, term.path));
  return (message) => tests.every((test) => test(message));
}

/** The name that a filter asks for, if it does: the store looks that up by itself. */
export function nameIn(text: string): string | undefined {
  return text.trim() === ""
    ? undefined
    : readTerms(text).find((term) => term.path.length === 1 && term.path[0] === "name")?.value;
}
