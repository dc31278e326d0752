// Carries calls to the cloud: the Connect protocol with JSON over HTTP, with tokens, retries and deadlines.
import { readChunks, readJson } from "./body.ts";
import { Deadline } from "./deadline.ts";
import { decodeJson, encodeEnvelope, inEnvelope, readEnvelopes } from "./envelope.ts";
import { PhotonError } from "./errors.ts";
import { failureOf } from "./http-failure.ts";
import type { Http } from "./http-port.ts";
import type { CallOptions, PhotonCloudOptions } from "./options.ts";
import { heldBackMs, tellReceipt, waitHeaders } from "./receipt.ts";
import { type Failure, retryDelayMs } from "./retry.ts";
import type { Timing } from "./timing.ts";
import type { TokenSource } from "./tokens.ts";
import { isObject, type JsonObject } from "./values.ts";
import { errorFromWire } from "./wire-error.ts";

/** How long a call may take where nothing was said, in milliseconds. */
const defaultTimeoutMs = 30_000;
/** How often a failed call is tried again where nothing was said: with the backoff's ranges, about three seconds. */
const defaultRetries = 4;

/** One call. */
export interface Call {
  /** "prismnet.v1.VpcService/CreateVpc" */
  readonly method: string;
  readonly request: JsonObject;
  /** Gets an Idempotency-Key. */
  readonly mutation: boolean;
  /** Whether doing it twice is the same as doing it once; a mutation with its key is. */
  readonly repeatable: boolean;
  /** Goes without a token where there is none. */
  readonly open: boolean;
  readonly options: CallOptions;
}

/** How a stream's messages are written. */
interface Codec<T> {
  readonly type: "application/connect+json" | "application/connect+proto";
  /** The request in its envelope. */
  readonly body: Uint8Array<ArrayBuffer>;
  decode(data: Uint8Array): T;
}

type Outcome<T> = { readonly ok: T } | { readonly failure: Failure; readonly token: string | undefined };

/** @throws Error */
function objectOf(data: Uint8Array): JsonObject {
  const json = decodeJson(data);
  if (isObject(json)) return json as JsonObject;
  throw new Error("a message that is no JSON object");
}

export interface TransportSettings {
  readonly http: Http;
  readonly options: PhotonCloudOptions;
  readonly timing: Timing;
  readonly tokens: TokenSource | undefined;
}

export class Transport {
  readonly http: Http;
  readonly timing: Timing;
  readonly #options: PhotonCloudOptions;
  readonly #tokens: TokenSource | undefined;
  #met: PhotonError | undefined;

  constructor(settings: TransportSettings) {
    this.http = settings.http;
    this.timing = settings.timing;
    this.#options = settings.options;
    this.#tokens = settings.tokens;
  }

  get endpoint(): string {
    return this.http.defaults.baseURL ?? "";
  }

  /** What is in the way of a call that is tried again and again; undefined once one has got through. */
  get met(): PhotonError | undefined {
    return this.#met;
  }

  /** @throws PhotonError */
  async unary(call: Call): Promise<JsonObject> {
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    if (call.mutation) headers["Idempotency-Key"] = call.options.idempotencyKey ?? crypto.randomUUID();
    if (call.options.allowDataLoss === true) headers["Photon-Allow-Data-Loss"] = "true";
    Object.assign(headers, waitHeaders(call.options));
    const deadline = this.#deadline(call);
    try {
      return await this.#attempts(call, deadline, (token) => this.#post(call, headers, token, deadline));
    } finally {
      deadline.end();
    }
  }

  /** Sends bytes that are no message, once: what was read of them can't be read again. @throws PhotonError */
  async put(path: string, bytes: unknown, headers: Record<string, string>, signal: AbortSignal): Promise<unknown> {
    const token = await this.#tokens?.token(signal);
    const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    try {
      const response = await this.http.request({
        method: "PUT",
        url: path,
        data: bytes,
        headers: { "Content-Type": "application/octet-stream", ...headers, ...authorization },
        maxBodyLength: Number.POSITIVE_INFINITY,
        signal,
      });
      return response.data;
    } catch (thrown) {
      if (signal.aborted) throw new PhotonError("canceled", "the upload was stopped by its caller", { cause: thrown });
      throw failureOf(thrown, { method: `PUT ${path.split("?")[0]}`, endpoint: this.endpoint, now: this.timing.now() })
        .error;
    }
  }

  /** Opens a server stream; the deadline is for opening it alone. Ending the iteration ends the stream. @throws PhotonError */
  stream(call: Call): AsyncGenerator<JsonObject> {
    const body = encodeEnvelope(call.request);
    return this.#stream(call, { type: "application/connect+json", body, decode: objectOf });
  }

  /** As `stream`, for messages that carry bytes. @param decode reads a message of the binary encoding, in which the request is. */
  binaryStream<T>(call: Call, request: Uint8Array, decode: (data: Uint8Array) => T): AsyncGenerator<T> {
    return this.#stream(call, { type: "application/connect+proto", body: inEnvelope(request), decode });
  }

  async *#stream<T>(call: Call, codec: Codec<T>): AsyncGenerator<T> {
    const stop = new AbortController();
    const outer = () => stop.abort(call.options.signal?.reason);
    call.options.signal?.addEventListener("abort", outer, { once: true });
    const deadline = this.#deadline(call);
    try {
      const chunks = await this.#attempts(call, deadline, (token) => this.#open(call, codec, token, deadline, stop));
      deadline.end();
      yield* this.#messages(call, codec, chunks);
    } finally {
      deadline.end();
      call.options.signal?.removeEventListener("abort", outer);
      stop.abort();
    }
  }

  #deadline(call: Call): Deadline {
    const ms = (call.options.timeoutMs ?? this.#options.timeoutMs ?? defaultTimeoutMs) + heldBackMs(call.options);
    return new Deadline(ms, this.timing, call.options.signal);
  }

  /** Tries until it succeeds, can't, or time is up; logs in again once. */
  async #attempts<T>(
    call: Call,
    deadline: Deadline,
    send: (token: string | undefined) => Promise<Outcome<T>>,
  ): Promise<T> {
    const limits = {
      retries: this.#options.retries ?? defaultRetries,
      repeatable: call.repeatable,
      random: this.timing.random,
    };
    let loginsLeft = 1;
    let last: unknown;
    for (let attempt = 1; ; attempt++) {
      const token = await this.#token(call, deadline);
      if (deadline.signal.aborted) throw deadline.error(call.method, last);
      const outcome = await send(token);
      if ("ok" in outcome) {
        this.#met = undefined;
        return outcome.ok;
      }
      const { failure } = outcome;
      if (deadline.signal.aborted) throw deadline.error(call.method, last);
      last = failure.error;
      this.#met = failure.error;
      if (loginsLeft-- > 0 && this.#mayLogIn(failure, token)) continue;
      const delayMs = retryDelayMs(failure, attempt, limits);
      if (delayMs === undefined || delayMs >= deadline.remainingMs()) throw failure.error;
      await this.timing.sleep(delayMs, deadline.signal).catch(() => undefined);
      if (deadline.signal.aborted) throw deadline.error(call.method, failure.error);
    }
  }

  async #token(call: Call, deadline: Deadline): Promise<string | undefined> {
    if (call.open || this.#tokens === undefined) return undefined;
    try {
      return await this.#tokens.token(deadline.signal);
    } catch (error) {
      if (deadline.signal.aborted) throw deadline.error(call.method, error);
      throw error;
    }
  }

  #mayLogIn(failure: Failure, token: string | undefined): boolean {
    if (failure.error.code !== "unauthenticated" || token === undefined) return false;
    return this.#tokens?.refuse(token) ?? false;
  }

  #headers(token: string | undefined, deadline: Deadline): Record<string, string> {
    const headers: Record<string, string> = { "Connect-Protocol-Version": "1" };
    headers["Connect-Timeout-Ms"] = String(Math.ceil(deadline.remainingMs()));
    if (token !== undefined) headers.Authorization = `Bearer ${token}`;
    return headers;
  }

  async #post(
    call: Call,
    headers: Record<string, string>,
    token: string | undefined,
    deadline: Deadline,
  ): Promise<Outcome<JsonObject>> {
    try {
      const response = await this.http.request({
        method: "POST",
        url: `/${call.method}`,
        data: JSON.stringify(call.request),
        headers: { ...headers, ...this.#headers(token, deadline) },
        signal: deadline.signal,
      });
      if (isObject(response.data)) {
        tellReceipt(call.options, response.headers["photon-receipt"]);
        return { ok: response.data as JsonObject };
      }
      throw new Error("the answer is not JSON: is that address a PhotonCloud server?");
    } catch (thrown) {
      return { failure: this.#failure(call, thrown), token };
    }
  }

  async #open(
    call: Call,
    codec: Pick<Codec<unknown>, "type" | "body">,
    token: string | undefined,
    deadline: Deadline,
    stop: AbortController,
  ): Promise<Outcome<AsyncIterable<Uint8Array>>> {
    const giveUp = () => stop.abort();
    deadline.signal.addEventListener("abort", giveUp, { once: true });
    try {
      const { "Connect-Timeout-Ms": _, ...headers } = this.#headers(token, deadline);
      const response = await this.http.request({
        method: "POST",
        url: `/${call.method}`,
        data: codec.body,
        headers: { ...headers, "Content-Type": codec.type },
        responseType: "stream",
        signal: stop.signal,
      });
      return { ok: readChunks(response.data) };
    } catch (thrown) {
      return { failure: this.#failure(call, thrown, await readJson(thrown)), token };
    } finally {
      deadline.signal.removeEventListener("abort", giveUp);
    }
  }

  #failure(call: Call, thrown: unknown, body?: unknown): Failure {
    return failureOf(thrown, { method: call.method, endpoint: this.endpoint, now: this.timing.now() }, body);
  }

  async *#messages<T>(call: Call, codec: Codec<T>, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<T> {
    try {
      for await (const { end, data } of readEnvelopes(chunks)) {
        if (!end) {
          yield codec.decode(data);
          continue;
        }
        const { error } = objectOf(data);
        if (error !== undefined) throw errorFromWire(error, call.method, "");
        return;
      }
    } catch (thrown) {
      if (thrown instanceof PhotonError) throw thrown;
      if (call.options.signal?.aborted === true) throw this.#stopped(call);
      throw this.#broken(call, thrown);
    }
    throw call.options.signal?.aborted === true ? this.#stopped(call) : this.#broken(call, undefined);
  }

  #stopped(call: Call): PhotonError {
    const cause = call.options.signal?.reason;
    return new PhotonError("canceled", `${call.method} was stopped by its caller`, { method: call.method, cause });
  }

  #broken(call: Call, thrown: unknown): PhotonError {
    const why = thrown instanceof Error ? `: ${thrown.message}` : "";
    const message = `the stream of ${call.method} broke off${why}`;
    return new PhotonError("unavailable", message, { method: call.method, retry: "later" });
  }
}
