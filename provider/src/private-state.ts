// What the provider keeps beside a resource's state. Never a secret: Terraform stores it as it is.
import { isJsonObject } from "./json-object.ts";

export interface PrivateState {
  /** The etag of what was last read or written; "" where it is not known. */
  readonly etag: string;
  /** An apply ended before it was ready: the next one waits for it. */
  readonly pending?: boolean;
  /** The idempotency key that made it; what was imported has none. Where it stands, the journal need not remember it. */
  readonly key?: string;
}

/** Reads what an earlier version may have written; what is not understood counts as not there. */
export function readPrivate(bytes: Uint8Array): PrivateState {
  if (bytes.length === 0) return { etag: "" };
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (!isJsonObject(json)) return { etag: "" };
    const { etag, pending, key } = json;
    return {
      etag: typeof etag === "string" ? etag : "",
      ...(pending === true && { pending }),
      ...(typeof key === "string" && { key }),
    };
  } catch {
    return { etag: "" };
  }
}

export const writePrivate = (state: PrivateState): Buffer => Buffer.from(JSON.stringify(state));
