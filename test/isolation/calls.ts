// Calls over HTTP as any program would make them, with everything that an answer tells, to the byte.
import type { Method } from "@photoncloud/proto";

export type Json = Readonly<Record<string, unknown>>;

/** Every call here says it, so that answers to different calls can be compared. */
const requestId = "isolation";
/** How long an answer may take, in milliseconds. */
const patienceMs = 15_000;

export interface Answer {
  /** Of Connect: "ok", "not_found". */
  readonly code: string;
  readonly status: number;
  /** The body as it came; of a stream all messages, one on each line. */
  readonly text: string;
  readonly body: Json;
}

export function pathOf({ desc }: Method): string {
  return `${desc.parent.typeName}/${desc.name}`;
}

function headersOf(type: string, token: string | undefined, more: Readonly<Record<string, string>>) {
  const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return { "content-type": type, "x-request-id": requestId, ...bearer, ...more };
}

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsed(text: string): Json {
  const value: unknown = text === "" ? {} : JSON.parse(text);
  return isJson(value) ? value : {};
}

/** Calls a unary method. */
export async function call(
  url: string,
  path: string,
  body: Json,
  token?: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${url}/${path}`, {
    method: "POST",
    headers: headersOf("application/json", token, more),
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(patienceMs),
  });
  const text = await response.text();
  const json = parsed(text);
  return { code: response.ok ? "ok" : String(json.code), status: response.status, text, body: json };
}

/** One message of Connect's streams: a byte of flags, four of length. */
function enveloped(body: Json): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(JSON.stringify(body));
  const frame = Buffer.alloc(5 + bytes.length);
  frame.writeUInt32BE(bytes.length, 1);
  bytes.copy(frame, 5);
  return new Uint8Array(frame);
}

/** The messages of a server stream as they come; the last one is the stream's end, as { end }. */
export async function* messages(
  url: string,
  path: string,
  body: Json,
  token: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Json> {
  const headers = headersOf("application/connect+json", token, {});
  const response = await fetch(`${url}/${path}`, { method: "POST", headers, body: enveloped(body), signal });
  let left = Buffer.alloc(0);
  for await (const chunk of response.body ?? []) {
    left = Buffer.concat([left, chunk]);
    while (left.length >= 5 && left.length >= 5 + left.readUInt32BE(1)) {
      const end = 5 + left.readUInt32BE(1);
      const message = parsed(left.subarray(5, end).toString());
      yield left[0] === 2 ? { end: message } : message;
      left = left.subarray(end);
    }
  }
}

const isBookmark = (message: Json) => message.change === "CHANGE_BOOKMARK";

/** Opens a stream and reads it up to its end or the message that is waited for: its first bookmark, where nothing else is said. */
export async function opened(
  url: string,
  path: string,
  body: Json,
  token?: string,
  last = isBookmark,
): Promise<Answer> {
  const over = new AbortController();
  const late = setTimeout(() => over.abort(new Error(`${path} did not say what was waited for`)), patienceMs);
  const seen: Json[] = [];
  try {
    for await (const message of messages(url, path, body, token, over.signal)) {
      seen.push(message);
      if (last(message) || "end" in message) break;
    }
  } finally {
    clearTimeout(late);
    over.abort();
  }
  return streamAnswer(seen);
}

function streamAnswer(seen: readonly Json[]): Answer {
  const end = seen.at(-1)?.end;
  const error = isJson(end) && isJson(end.error) ? end.error : undefined;
  const text = seen.map((message) => JSON.stringify(message)).join("\n");
  return { code: error === undefined ? "ok" : String(error.code), status: 200, text, body: { messages: seen } };
}

/** Calls any method of a catalog. */
export function invoke(url: string, method: Method, body: Json, token?: string): Promise<Answer> {
  const streams = method.desc.methodKind === "server_streaming";
  return (streams ? opened : call)(url, pathOf(method), body, token);
}

/** An answer as it reads, whatever its id and wherever the log stands: `id` is said as `as`. The base64 of details is read. */
export function comparable({ code, status, text }: Answer, id: string, as: string): string {
  const plain = (_: string, base64: string) => Buffer.from(base64, "base64").toString("latin1");
  return `${status} ${code} ${text.replace(/"value":"([^"]*)"/g, plain)}`
    .replaceAll(id, as)
    .replaceAll(/"(next)?[cC]ursor":"[^"]*"/g, '"cursor":""');
}

/** An id of the same form that never was. */
export function missing(id: string): string {
  const tail = [...id.slice(-6)].map((c) => (c === "0" ? "1" : "0")).join("");
  return /^\w+-[0-9a-z]{26}$/.test(id) ? id.slice(0, -6) + tail : `${id.slice(0, -1)}${id.endsWith("q") ? "x" : "q"}`;
}
