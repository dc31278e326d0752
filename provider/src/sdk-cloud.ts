// The calls carried by the SDK's transport.
import { type MethodFacts as Method, Open } from "@photoncloud/proto";
import {
  type Credentials,
  checkedEndpoint,
  failureOf,
  type Transport,
  transportOf,
  userAgentOf,
} from "@photoncloud/sdk/calls";
import type { Cloud, Terms } from "./cloud.ts";
import { PlainHttp } from "./http.ts";
import { isJsonObject, type JsonObject } from "./json-object.ts";
import type { Presence } from "./presence.ts";
import { Together } from "./together.ts";

export interface Connection {
  readonly endpoint: string;
  readonly credentials: Credentials;
  readonly org: string;
  /** PEM */
  readonly ca: string | undefined;
  readonly userAgent: string;
}

/** The terms' deadline ends the retries; this only must not end them first. */
const retries = 1_000_000;

/** Twice is not the same as once: the first use of a token to refresh with ends it. */
const unrepeatable: ReadonlySet<string> = new Set(["RefreshToken"]);

interface Connected {
  readonly transport: Transport;
  readonly presence: Presence;
}

function connect(connection: Connection): Connected {
  const endpoint = checkedEndpoint(connection.endpoint);
  const http = new PlainHttp({ endpoint, ca: connection.ca, userAgent: userAgentOf(connection.userAgent) });
  return { transport: transportOf({ ...connection, retries }, new Together(http)), presence: http.presence };
}

/** A cloud behind an endpoint. */
export class SdkCloud implements Cloud {
  readonly #connection: Connection;
  #connected: Connected | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async call(method: Method, request: JsonObject, terms: Terms): Promise<JsonObject> {
    this.#connected ??= connect(this.#connection);
    const { transport, presence } = this.#connected;
    if (terms.absentMs === undefined) return send(transport, method, request, terms);
    const absent = presence.absentFor(terms.absentMs);
    try {
      const signal = AbortSignal.any([terms.signal, absent]);
      return await send(transport, method, request, { ...terms, signal });
    } catch (error) {
      if (!absent.aborted) throw error;
      const { endpoint } = transport;
      throw failureOf(absent.reason, { method: nameOf(method), endpoint, now: Date.now() }).error;
    }
  }
}

const nameOf = ({ desc }: Method): string => `${desc.parent.typeName}/${desc.name}`;

/** @throws PhotonError */
async function send(transport: Transport, method: Method, request: JsonObject, terms: Terms): Promise<JsonObject> {
  const { desc, open } = method;
  if (desc.methodKind !== "unary") throw new Error(`${desc.name} is a stream`);
  const answer: unknown = await transport.unary({
    method: nameOf(method),
    request,
    mutation: terms.idempotencyKey !== undefined,
    repeatable: !unrepeatable.has(desc.name),
    open: open === Open.ANYONE,
    options: terms,
  });
  return isJsonObject(answer) ? answer : {};
}
