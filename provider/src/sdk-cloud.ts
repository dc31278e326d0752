// The calls carried by the SDK's transport.
import { type MethodFacts as Method, Open } from "@photoncloud/proto";
import { type Credentials, checkedEndpoint, type Transport, transportOf, userAgentOf } from "@photoncloud/sdk/calls";
import type { Cloud, Terms } from "./cloud.ts";
import { PlainHttp } from "./http.ts";
import { isJsonObject, type JsonObject } from "./json-object.ts";
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

function connect(connection: Connection): Transport {
  const endpoint = checkedEndpoint(connection.endpoint);
  const http = new PlainHttp({ endpoint, ca: connection.ca, userAgent: userAgentOf(connection.userAgent) });
  return transportOf({ ...connection, retries }, new Together(http));
}

/** A cloud behind an endpoint. */
export class SdkCloud implements Cloud {
  readonly #connection: Connection;
  #transport: Transport | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async call({ desc, open }: Method, request: JsonObject, terms: Terms): Promise<JsonObject> {
    if (desc.methodKind !== "unary") throw new Error(`${desc.name} is a stream`);
    this.#transport ??= connect(this.#connection);
    const answer: unknown = await this.#transport.unary({
      method: `${desc.parent.typeName}/${desc.name}`,
      request,
      mutation: terms.idempotencyKey !== undefined,
      repeatable: !unrepeatable.has(desc.name),
      open: open === Open.ANYONE,
      options: terms,
    });
    return isJsonObject(answer) ? answer : {};
  }
}
