// The calls carried by the SDK, which is loaded at the first of them: validation and schemas need no HTTP client.
import { type DescMethod, type DescMethodUnary, fromJson, toJson } from "@bufbuild/protobuf";
import type { Method } from "@photoncloud/proto";
import type { Credentials, PhotonCloud } from "@photoncloud/sdk";
import type { Cloud, Terms } from "./cloud.ts";
import { isJsonObject, type JsonObject } from "./json-object.ts";

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

/** Answers are small: packing and unpacking them takes longer than sending them. */
const uncompressed = { headers: { "Accept-Encoding": "identity" }, decompress: false };

async function connect(connection: Connection): Promise<PhotonCloud> {
  const { PhotonCloud: Client } = await import("@photoncloud/sdk");
  return new Client({ ...connection, retries, http: uncompressed });
}

const isUnary = (desc: DescMethod): desc is DescMethodUnary => desc.methodKind === "unary";

/** A cloud behind an endpoint. */
export class SdkCloud implements Cloud {
  readonly #connection: Connection;
  #client: Promise<PhotonCloud> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async call(method: Method, request: JsonObject, terms: Terms): Promise<JsonObject> {
    this.#client ??= connect(this.#connection);
    const { desc } = method;
    if (!isUnary(desc)) throw new Error(`${desc.name} is a stream`);
    const client = await this.#client;
    const answer = await client.call(desc, fromJson(desc.input, request), {
      ...terms,
      mutation: terms.idempotencyKey !== undefined,
    });
    const json = toJson(desc.output, answer);
    return isJsonObject(json) ? json : {};
  }
}
