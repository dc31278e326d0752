// Calls that are made at the same time go to the cloud as one request (POST /batch), and each is answered by itself when its answer comes: what
// Terraform asks for ten resources at a time pays the way through HTTP once, and what must wait for its resource waits in the same answer.
// Keys, deadlines and retries are each call's own: to whoever calls it is as if each had gone alone.
import type { Http, HttpAnswer, HttpRequest } from "@photoncloud/sdk/calls";
import { answered, type PlainHttp, RequestError, unreached } from "./http.ts";
import { isJsonObject } from "./json-object.ts";

/** How long a call waits for company: calls of one burst of Terraform's arrive within it. Milliseconds. */
const gatherMs = 1;
/** As many as the cloud takes in one request. */
const mostCalls = 100;
/** Characters of all calls of a request, far fewer than the cloud takes; a larger call goes alone. */
const mostText = 1 << 20;

interface Asked {
  readonly request: HttpRequest;
  readonly resolve: (answer: HttpAnswer | Promise<HttpAnswer>) => void;
  readonly reject: (error: unknown) => void;
}

const isGivenUp = ({ request }: Asked): boolean => request.signal.aborted;
const textOf = ({ request }: Asked): string => String(request.data);

export class Together implements Http {
  readonly #http: PlainHttp;
  /** By whose calls they are. */
  readonly #gathering = new Map<string, Asked[]>();
  /** Whether the cloud takes no batches: it is older, or something before it lets none through. */
  #alone = false;

  constructor(http: PlainHttp) {
    this.#http = http;
  }

  get defaults(): Http["defaults"] {
    return this.#http.defaults;
  }

  request(request: HttpRequest): Promise<HttpAnswer> {
    const who = request.headers.Authorization;
    if (this.#alone || who === undefined) return this.#http.request(request);
    return new Promise((resolve, reject) => this.#gather(who, { request, resolve, reject }));
  }

  #gather(who: string, asked: Asked): void {
    const gathering = this.#gathering.get(who) ?? [];
    if (gathering.push(asked) > 1) return;
    this.#gathering.set(who, gathering);
    setTimeout(() => {
      this.#gathering.delete(who);
      // What was given up meanwhile ends at once.
      this.#sendAlone(gathering.filter(isGivenUp));
      for (const part of inParts(gathering.filter((one) => !isGivenUp(one)))) void this.#send(part);
    }, gatherMs);
  }

  async #send(asked: readonly Asked[]): Promise<void> {
    if (asked.length === 1) return this.#sendAlone(asked);
    const open = new Set(asked);
    try {
      await sendTogether(this.#http, asked, open);
      throw unreached(new Error("the answer broke off"));
    } catch (error) {
      this.#alone ||= isRefusal(error);
      if (this.#alone) this.#sendAlone(open);
      else for (const { reject } of open) reject(error);
    }
  }

  #sendAlone(asked: Iterable<Asked>): void {
    for (const { request, resolve } of asked) resolve(this.#http.request(request));
  }
}

function inParts(asked: readonly Asked[]): readonly (readonly Asked[])[] {
  const parts: Asked[][] = [];
  let left = 0;
  for (const one of asked) {
    const part = parts.at(-1);
    const { length } = textOf(one);
    left -= length;
    if (part !== undefined && part.length < mostCalls && left >= 0) part.push(one);
    else {
      parts.push([one]);
      left = mostText - length;
    }
  }
  return parts;
}

/** The headers that are said once for all, or by the batch itself. */
const common: ReadonlySet<string> = new Set(["Authorization", "Content-Type"]);

/** What the cloud reads: {"calls": [{"path", "headers", "body"}]}. The bodies are JSON already. */
function bodyOf(asked: readonly Asked[]): string {
  const calls = asked.map((one) => {
    const { url, headers } = one.request;
    const own = Object.fromEntries(Object.entries(headers).filter(([name]) => !common.has(name)));
    return `{"path":${JSON.stringify(url)},"headers":${JSON.stringify(own)},"body":${textOf(one)}}`;
  });
  return `{"calls":[${calls.join(",")}]}`;
}

/** Ends when all are answered, or given up. @param open Those that are not, yet. @throws RequestError */
async function sendTogether(http: PlainHttp, asked: readonly Asked[], open: Set<Asked>): Promise<void> {
  const stop = new AbortController();
  for (const one of asked)
    one.request.signal.addEventListener("abort", () => {
      if (open.delete(one)) one.reject(unreached(new Error("it was given up")));
      if (open.size === 0) stop.abort();
    });
  const who = asked[0]?.request.headers.Authorization ?? "";
  const headers = { Authorization: who, "Content-Type": "application/json" };
  const batch = { method: "POST", url: "/batch", headers, data: bodyOf(asked), signal: stop.signal } as const;
  await http.lines(batch, (line) => {
    const answer: unknown = JSON.parse(line);
    const one = isJsonObject(answer) ? asked[Number(answer.index)] : undefined;
    if (one !== undefined && open.delete(one)) settle(one, answer);
  });
}

function settle({ resolve, reject }: Asked, answer: unknown): void {
  const { status, headers, body } = isJsonObject(answer) ? answer : {};
  try {
    resolve(answered({ status: Number(status), headers: isJsonObject(headers) ? headers : {}, data: body }));
  } catch (error) {
    reject(error);
  }
}

/** Whether nothing was called since batches are not taken; who asks, and how often, is not what is wrong with it. */
function isRefusal(error: unknown): boolean {
  const status = error instanceof RequestError ? (error.response?.status ?? 0) : 0;
  return status >= 400 && status < 500 && ![401, 408, 429].includes(status);
}
