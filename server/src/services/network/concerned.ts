// Which VPCs' hosts a resource concerns: its own objects say so, or, where it is in no VPC itself (a filter), those of whatever uses it.
import { type DescMessage, isMessage, type Message } from "@bufbuild/protobuf";
import { vpcsOf } from "../../backends/network/topology.ts";
import { messageOf } from "../../engine/message.ts";
import { StepError } from "../../engine/reconciler.ts";
import type { ResourceKey, Store } from "../../store/store.ts";
import type { NetworkPart } from "../network-part.ts";
import { objectsOf, type RelatedReader, relatedIn } from "./objects.ts";

/** The most users of one resource that are looked at; a group has no more ports than a large VPC. */
const mostUsers = 20_000;

export interface ConcernedOptions {
  readonly store: Pick<Store, "get" | "referrers">;
  /** What a kind is in the network; undefined: nothing. */
  readonly partOf: (kind: string) => NetworkPart<DescMessage> | undefined;
}

/** The VPCs that a resource concerns; undefined: that can't be told any more, since what it refers to is gone. */
export async function vpcsConcerned(
  options: ConcernedOptions,
  key: ResourceKey,
  resource: Message,
): Promise<ReadonlySet<string> | undefined> {
  const walk = new Walk(options);
  try {
    await walk.visit(key, resource);
    return walk.vpcs;
  } catch (error) {
    if (error instanceof StepError) return undefined;
    throw error;
  }
}

class Walk {
  readonly vpcs = new Set<string>();
  readonly #options: ConcernedOptions;
  readonly #related: RelatedReader;
  readonly #seen = new Set<string>();

  constructor(options: ConcernedOptions) {
    this.#options = options;
    this.#related = remembered(relatedIn(options.store));
  }

  async visit(key: ResourceKey, resource: Message): Promise<void> {
    const part = this.#options.partOf(key.kind);
    if (part === undefined || this.#known(key)) return;
    const objects = await objectsOf(part, key, resource, this.#related);
    const vpcs = objects.flatMap(vpcsOf);
    for (const vpc of vpcs) this.vpcs.add(vpc);
    if (objects.length > 0 && vpcs.length === 0) await this.#visitUsers(key);
  }

  async #visitUsers(key: ResourceKey): Promise<void> {
    for (const user of await this.#options.store.referrers(key, mostUsers)) {
      const part = this.#options.partOf(user.kind);
      const row = part === undefined ? undefined : await this.#options.store.get(user);
      if (part && row) await this.visit(user, messageOf<DescMessage>(part.schema, row));
    }
  }

  /** Two groups may name each other. */
  #known({ tenant, kind, id }: ResourceKey): boolean {
    const text = JSON.stringify([tenant.org, tenant.project, kind, id]);
    if (this.#seen.has(text)) return true;
    this.#seen.add(text);
    return false;
  }
}

/** Reads each only once: a thousand ports are in a few subnets. */
function remembered(reader: RelatedReader): RelatedReader {
  const known = new Map<string, Promise<Message | undefined>>();
  return {
    exists: (key) => reader.exists(key),
    async read(schema, id, from) {
      const key = JSON.stringify([schema.typeName, id, from.tenant.org, from.tenant.project]);
      const reading = known.get(key) ?? reader.read<DescMessage>(schema, id, from);
      known.set(key, reading);
      const message = await reading;
      return message !== undefined && isMessage(message, schema) ? message : undefined;
    },
  };
}
