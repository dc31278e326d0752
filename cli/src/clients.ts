// The SDK's clients by kind, for a program that knows no kind.
import { camelCase, type Kind } from "@photoncloud/proto";
import type { CallOptions, Page, PhotonCloud, WaitOptions, WatchEvent } from "@photoncloud/sdk";

/** Any resource. */
export interface AnyResource {
  readonly id: string;
  readonly name?: string;
  readonly status: { readonly state: string; readonly reason: string; readonly message: string };
}

export interface Tenant {
  readonly org?: string | undefined;
  readonly project?: string | undefined;
}

/** The client of any kind; its methods beside the standard ones are reached by name. */
export interface AnyClient {
  create(input: unknown, options?: CallOptions): Promise<AnyResource>;
  get(id: string, options?: CallOptions): Promise<AnyResource>;
  list(
    options?: CallOptions & { filter?: string | Record<string, string>; pageSize?: number },
  ): AsyncIterable<AnyResource> & {
    page(pageToken?: string): Promise<Page<AnyResource>>;
  };
  update(id: string, changes: unknown, options?: CallOptions & { etag?: string | undefined }): Promise<AnyResource>;
  delete(id: string, options?: CallOptions & { etag?: string | undefined }): Promise<AnyResource>;
  watch(
    options: Tenant & { signal: AbortSignal; id?: string | undefined; cursor?: string | undefined },
  ): AsyncIterable<WatchEvent<AnyResource>>;
  waitUntilReady(id: string, options?: WaitOptions): Promise<AnyResource>;
  waitUntilGone(id: string, options?: WaitOptions): Promise<void>;
}

export interface Clients {
  readonly cloud: PhotonCloud;
  of(kind: Kind): AnyClient;
}

function isClient(value: unknown): value is AnyClient {
  return typeof value === "object" && value !== null && "waitUntilReady" in value;
}

export function clientsOf(cloud: PhotonCloud): Clients {
  return {
    cloud,
    of(kind) {
      const client: unknown = Reflect.get(cloud, camelCase(kind.plural));
      if (isClient(client)) return client;
      throw new Error(`the SDK has no client for ${kind.typeName}`);
    },
  };
}

/** A method beside the standard ones. */
export function customMethod(client: AnyClient, name: string): (...args: unknown[]) => Promise<unknown> {
  const method: unknown = Reflect.get(client, name);
  if (typeof method === "function") return (...args) => Reflect.apply(method, client, args);
  throw new Error(`the SDK's client has no method ${name}`);
}
