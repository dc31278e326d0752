// What the provider keeps beside a resource's state. Never a secret: Terraform stores it as it is.
import { isJsonObject } from "./json-object.ts";

export interface PrivateState {
  /** The etag of what was last read or written; "" where it is not known. */
  readonly etag: string;
  /** An apply ended before it was ready: the next one waits for it. */
  readonly pending?: boolean;
}

/** Reads what an earlier version may have written; what is not understood counts as not there. */
export function readPrivate(bytes: Uint8Array): PrivateState {
  if (bytes.length === 0) return { etag: "" };
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (!isJsonObject(json)) return { etag: "" };
    return { etag: typeof json.etag === "string" ? json.etag : "", ...(json.pending === true && { pending: true }) };
  } catch {
    return { etag: "" };
  }
}

export const writePrivate = (state: PrivateState): Buffer => Buffer.from(JSON.stringify(state));
