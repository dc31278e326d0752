// Plays a Terraform that is newer than the real one at hand: grpc-js speaks the plugin protocol with the provider over its socket.
import * as grpc from "@grpc/grpc-js";
import { catalog } from "@photoncloud/proto";
import type { Attribute } from "../../provider/src/attribute.ts";
import { toJson } from "../../provider/src/cty/json.ts";
import { type DynamicValue, ProviderDefinition } from "../../provider/src/plugin/gen/tfplugin6.ts";
import type { MethodName, RequestOf, ResponseOf } from "../../provider/src/plugin/provider-methods.ts";
import { type KindSchema, resourceSchema } from "../../provider/src/schema.ts";
import { BlockCodec } from "../../provider/src/wire.ts";
import type { Reattached } from "./reattached.ts";

type Json = Readonly<Record<string, unknown>>;
type Given = Pick<DynamicValue, "msgpack"> | undefined;

interface Definition {
  readonly name: string;
  readonly requestType: { fromPartial(partly: unknown): unknown; encode(message: unknown): { finish(): Uint8Array } };
  readonly responseType: { decode(bytes: Uint8Array): unknown };
}

/** What a request may leave out is empty. */
type Partly<Name extends MethodName> = { readonly [Key in keyof RequestOf<Name>]?: unknown };

/** For one that hangs: on a busy machine a call may wait long for its turn. */
const deadlineMs = 120_000;
const noBytes = Buffer.alloc(0);

/** A value as Terraform may send it too: in JSON; attributes that are left out are null. */
export const json = (value: unknown): DynamicValue => ({ msgpack: noBytes, json: Buffer.from(JSON.stringify(value)) });

/** The value of an answer in plain JSON; null where there is none. */
export function shown(attributes: readonly Attribute[], value: Given): Json | null {
  if (value === undefined) return null;
  const decoded = new BlockCodec(attributes).decode({ msgpack: Buffer.from(value.msgpack), json: noBytes });
  return decoded === null ? null : (JSON.parse(toJson(decoded)) as Json);
}

/** The schema of a kind's resource. */
export function schemaOf(noun: string): KindSchema {
  const kind = catalog().byNoun(noun);
  if (kind === undefined) throw new Error(`no kind ${noun}`);
  return resourceSchema(kind);
}

/** How the provider says that something is wrong: its sentences. */
export const sentences = (diagnostics: readonly { readonly summary: string; readonly detail: string }[]): string[] =>
  diagnostics.map(({ summary, detail }) => `${summary}: ${detail}`);

export class PlayedTerraform {
  readonly #client: grpc.Client;

  constructor(provider: Pick<Reattached, "socket">) {
    this.#client = new grpc.Client(`unix:${provider.socket}`, grpc.credentials.createInsecure(), {
      "grpc.default_authority": "localhost",
    });
  }

  /** @throws grpc's error */
  call<Name extends MethodName>(name: Name, request: Partly<Name>): Promise<ResponseOf<Name>> {
    const definition = ProviderDefinition.methods[name] as unknown as Definition;
    const { path, encode, decode } = wireOf<Name>(definition);
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + deadlineMs;
      this.#client.makeUnaryRequest(path, encode, decode, request, { deadline }, (error, answer) => {
        if (error || answer === undefined) reject(error ?? new Error("no answer"));
        else resolve(answer);
      });
    });
  }

  /** Every message of a stream. @throws grpc's error */
  async stream<Name extends MethodName>(name: Name, request: Partly<Name>): Promise<ResponseOf<Name>[]> {
    const definition = ProviderDefinition.methods[name] as unknown as Definition;
    const { path, encode, decode } = wireOf<Name>(definition);
    const deadline = Date.now() + deadlineMs;
    const messages: ResponseOf<Name>[] = [];
    for await (const message of this.#client.makeServerStreamRequest(path, encode, decode, request, { deadline }))
      messages.push(message as ResponseOf<Name>);
    return messages;
  }

  /** Tells the provider its configuration; the rest comes from its environment. */
  async configure(config: Json = {}, clientCapabilities = { deferralAllowed: false }): Promise<void> {
    await this.configureWith(json(config), clientCapabilities);
  }

  /** As `configure`, with a value that JSON can't write: one with unknowns. */
  async configureWith(config: Given, clientCapabilities = { deferralAllowed: false }): Promise<void> {
    const request = { terraformVersion: "1.14.0", config, clientCapabilities };
    const { diagnostics } = await this.call("configureProvider", request);
    if (diagnostics.length > 0) throw new Error(sentences(diagnostics).join("\n"));
  }

  close(): void {
    this.#client.close();
  }
}

function wireOf<Name extends MethodName>({ name, requestType, responseType }: Definition) {
  return {
    path: `/${ProviderDefinition.fullName}/${name}`,
    encode: (request: Partly<Name>) => Buffer.from(requestType.encode(requestType.fromPartial(request)).finish()),
    decode: (bytes: Buffer) => responseType.decode(bytes) as ResponseOf<Name>,
  };
}
