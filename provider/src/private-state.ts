// What the provider keeps beside a resource's state. Never a secret: Terraform stores it as it is.
import { isJsonObject } from "./json-object.ts";

export interface PrivateState {
  /** The etag of what was last read or written; "" where it is not known. */
  readonly etag: string;
}

/** Reads what an earlier version may have written; what is not understood counts as not there. */
export function readPrivate(bytes: Uint8Array): PrivateState {
  if (bytes.length === 0) return { etag: "" };
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return { etag: isJsonObject(json) && typeof json.etag === "string" ? json.etag : "" };
  } catch {
    return { etag: "" };
  }
}

export const writePrivate = (state: PrivateState): Buffer => Buffer.from(JSON.stringify(state));
