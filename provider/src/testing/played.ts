// For tests: a provider process with a cloud in memory, and what Terraform asks it of a widget.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testCatalog } from "@photoncloud/proto/testing";
import { objectType } from "../attribute.ts";
import { toJson } from "../cty/json.ts";
import { codec } from "../cty/msgpack.ts";
import { isMap, Unknown, type Value } from "../cty/value.ts";
import { Journal } from "../journal.ts";
import { isJsonObject, type JsonObject } from "../json-object.ts";
import type { ClientCapabilities } from "../plugin/gen/tfplugin6.ts";
import type { Handlers } from "../plugin/provider-methods.ts";
import { createProvider } from "../provider.ts";
import { providerAttributes } from "../provider-config.ts";
import { FakeCloud } from "./cloud.ts";
import { attributes, complete, config, toValue, widget } from "./widget.ts";

export const typeName = "photoncloud_widget";
export const noBytes = Buffer.alloc(0);
/** What Terraform 1.11 can do. */
export const capable: ClientCapabilities = {
  deferralAllowed: false,
  writeOnlyAttributesAllowed: true,
  storePlannedPrivate: false,
  computedBlocksAllowed: false,
};

type Wire = { readonly msgpack?: Uint8Array } | undefined;
type Block = Readonly<Record<string, unknown>>;

const types = codec(objectType(attributes));
const wire = (value: Value) => ({ msgpack: types.encode(value), json: noBytes });
export const block = (given: Block) => wire(config(given));

export const decoded = (value: Wire): Value =>
  value?.msgpack === undefined || value.msgpack.length === 0 ? null : types.decode(value.msgpack);

/** A value as plain JSON, without what is null; "?" stands for what is not known. */
export function shown(value: Wire): Record<string, unknown> | null {
  const given = decoded(value);
  if (!isMap(given)) return null;
  return Object.fromEntries(
    [...given]
      .filter(([, v]) => v !== null)
      .map(([k, v]) => [k, v instanceof Unknown ? "?" : (JSON.parse(toJson(v)) as unknown)]),
  );
}

/** What a cloud fills in. */
export const filled = (resource: JsonObject): JsonObject => ({
  nickname: resource.name ?? "",
  createTime: "2026-01-01T00:00:00Z",
  owner: "user:acme/alice",
  serial: "s-1",
  ...resource,
  ...(isJsonObject(resource.size) ? { size: { height: 1, ...resource.size, area: "1" } } : {}),
});

const never = async (): Promise<never> => {
  throw new Error("unimplemented");
};
const all = (handlers: Handlers): Required<Handlers> =>
  new Proxy(handlers, { get: (h, name) => Reflect.get(h, name) ?? never }) as Required<Handlers>;

export const signal = () => new AbortController().signal;

/** What Terraform keeps of a resource. */
export interface Held {
  readonly state: Wire;
  readonly private: Buffer;
}
export const nothing: Held = { state: undefined, private: noBytes };

const asRequest = (value: Wire) => ({ msgpack: Buffer.from(value?.msgpack ?? noBytes), json: noBytes });

export class Played {
  readonly folder = mkdtempSync(join(tmpdir(), "photon-journal-"));
  cloud = new FakeCloud(widget, filled);
  journal = new Journal(this.folder);
  provider: Required<Handlers> = all({});

  static async open(): Promise<Played> {
    const played = new Played();
    await played.start();
    return played;
  }

  /** Begins another process: what one had in memory is forgotten. @throws Error for a configuration that is refused */
  async start(): Promise<void> {
    this.journal = new Journal(this.folder);
    const { journal } = this;
    const env = { PHOTON_PROVIDER_ORACLE: "1", PHOTON_PLAN_CHECKS: "false" };
    const surroundings = { env, catalog: testCatalog(), journal: async () => journal, connect: () => this.cloud };
    this.provider = all(createProvider(surroundings));
    const given = { endpoint: "http://cloud.example", token: "t", org_id: "acme", project_id: "web" };
    const msgpack = codec(objectType(providerAttributes)).encode(complete(providerAttributes, toValue(given)));
    const request = { terraformVersion: "1.11.4", config: { msgpack, json: noBytes }, clientCapabilities: capable };
    const { diagnostics = [] } = await this.provider.configureProvider(request, signal());
    if (diagnostics.length > 0) throw new Error(JSON.stringify(diagnostics));
  }

  async plan(held: Held, given: Block | null) {
    const wanted = given === null ? wire(null) : block(given);
    const request = {
      typeName,
      priorState: asRequest(held.state),
      proposedNewState: wanted,
      config: wanted,
      priorPrivate: held.private,
      plannedPrivate: noBytes,
    };
    return this.provider.planResourceChange(
      { ...request, providerMeta: undefined, clientCapabilities: capable, priorIdentity: undefined },
      signal(),
    );
  }

  /** @throws Error where the plan says anything */
  async apply(held: Held, given: Block | null) {
    const planned = await this.plan(held, given);
    if ((planned.diagnostics ?? []).length > 0) throw new Error(JSON.stringify(planned.diagnostics));
    const request = {
      typeName,
      priorState: asRequest(held.state),
      plannedState: asRequest(planned.plannedState),
      config: given === null ? wire(null) : block(given),
    };
    const { diagnostics = [], ...answer } = await this.provider.applyResourceChange(
      {
        ...request,
        plannedPrivate: planned.plannedPrivate ?? noBytes,
        providerMeta: undefined,
        plannedIdentity: undefined,
      },
      signal(),
    );
    return {
      state: answer.newState,
      private: Buffer.from(answer.private ?? noBytes),
      diagnostics: diagnostics.map((d) => `${d.summary}: ${d.detail}`),
      /** 1: an error, 2: a warning. */
      severities: diagnostics.map(({ severity }) => severity),
      shown: shown(answer.newState),
    };
  }

  async read(held: Held) {
    const request = { typeName, currentState: asRequest(held.state), private: held.private, providerMeta: undefined };
    const answer = await this.provider.readResource(
      { ...request, clientCapabilities: capable, currentIdentity: undefined },
      signal(),
    );
    return {
      state: answer.newState,
      private: Buffer.from(answer.private ?? noBytes),
      diagnostics: answer.diagnostics ?? [],
      shown: shown(answer.newState),
    };
  }

  close(): void {
    this.journal.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
