// HTTP to the cloud: POSTs of JSON over connections that are kept. Node's own client alone, since every command starts it anew.
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import type { Http, HttpAnswer, HttpError, HttpRequest } from "@photoncloud/sdk/calls";
import { Presence } from "./presence.ts";

export interface HttpOptions {
  readonly endpoint: string;
  /** PEM: trusted in place of the usual authorities. */
  readonly ca: string | undefined;
  readonly userAgent: string;
}

interface Opened {
  readonly agent: Agent;
  readonly request: (options: RequestOptions, answered: (response: IncomingMessage) => void) => ClientRequest;
}

/** As the SDK's transport reads it. */
export class RequestError extends Error implements HttpError {
  override readonly name = "RequestError";
  readonly isAxiosError = true;
  readonly code: string | undefined;
  readonly response: HttpError["response"];

  constructor(message: string, more: Pick<HttpError, "code" | "response">) {
    super(message);
    this.code = more.code;
    this.response = more.response;
  }
}

export function unreached(error: Error): RequestError {
  return new RequestError(error.message, { code: "code" in error ? String(error.code) : undefined });
}

/** JSON where it is that, else the text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Tells everything that comes, and resolves at its end. An iterator would cost as much as all the rest of a call. */
function heard(response: IncomingMessage, tell: (part: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    response.setEncoding("utf8").on("data", tell);
    response.once("end", resolve).once("error", reject);
    response.once("close", () => {
      if (!response.complete) reject(new Error("the answer broke off"));
    });
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  await heard(response, (part) => {
    text += part;
  });
  return text;
}

/** An answer as its status says. @throws RequestError for one that is no success */
export function answered({ status, headers, data }: HttpAnswer & { readonly status: number }): HttpAnswer {
  if (status >= 200 && status < 300) return { data, headers };
  throw new RequestError(`status ${status}`, { response: { status, headers, data } });
}

/** Reads an answer to its end. @throws RequestError for a status that is no success */
async function read(response: IncomingMessage): Promise<HttpAnswer> {
  const text = await textOf(response);
  return answered({ status: response.statusCode ?? 0, headers: response.headers, data: parsed(text) });
}

/** Tells each line of an answer when it has come. @throws RequestError for a status that is no success */
async function readLines(response: IncomingMessage, tell: (line: string) => void): Promise<void> {
  if (response.statusCode !== 200) return void (await read(response));
  let begun = "";
  await heard(response, (part) => {
    const lines = (begun + part).split("\n");
    begun = lines.pop() ?? "";
    lines.forEach(tell);
  });
}

/** Proxies are taken from the environment where Node knows how to (24.5 and newer). */
async function open(secure: boolean, ca: string | undefined): Promise<Opened> {
  const kept = { keepAlive: true, proxyEnv: process.env };
  if (!secure) {
    const { Agent, request } = await import("node:http");
    return { agent: new Agent(kept), request };
  }
  const { Agent, request } = await import("node:https");
  return { agent: new Agent({ ...kept, ...(ca !== undefined && { ca }) }), request };
}

/** Carries the SDK's calls. */
export class PlainHttp implements Http {
  readonly defaults: { readonly baseURL: string };
  /** What the attempts say of it. */
  readonly presence = new Presence();
  readonly #url: URL;
  readonly #ca: string | undefined;
  readonly #userAgent: string;
  #opened: Promise<Opened> | undefined;

  constructor({ endpoint, ca, userAgent }: HttpOptions) {
    this.defaults = { baseURL: endpoint };
    this.#url = new URL(endpoint);
    this.#ca = ca;
    this.#userAgent = userAgent;
  }

  request(request: HttpRequest): Promise<HttpAnswer> {
    return this.#send(request, read);
  }

  /** Tells each line of the answer when it has come. @throws RequestError */
  lines(request: HttpRequest, tell: (line: string) => void): Promise<void> {
    return this.#send(request, (response) => readLines(response, tell));
  }

  async #send<T>(
    { method, url, data, headers, signal }: HttpRequest,
    take: (response: IncomingMessage) => Promise<T>,
  ): Promise<T> {
    const { protocol, hostname, port, pathname } = this.#url;
    this.#opened ??= open(protocol === "https:", this.#ca);
    const { agent, request } = await this.#opened;
    const body = Buffer.from(String(data));
    const path = `${pathname.replace(/\/+$/, "")}${url}`;
    const said = { ...headers, "User-Agent": this.#userAgent, "Content-Length": body.length };
    // Node takes an IPv6 address without the brackets that a URL has.
    const host = hostname.replace(/^\[|\]$/g, "");
    return new Promise((resolve, reject) => {
      const failed = (error: Error) => {
        const told = error instanceof RequestError ? error : unreached(error);
        this.presence.missed(told);
        reject(told);
      };
      const sent = request({ protocol, host, port, path, method, agent, signal, headers: said }, (response) => {
        this.presence.met();
        take(response).then(resolve, failed);
      });
      sent.on("error", failed).end(body);
    });
  }
}
