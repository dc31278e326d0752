// What a call says of how long its answer may be held back, and what the answer says of how far the mutation came.
import type { CallOptions, Receipt } from "./options.ts";

/** The most that the cloud holds an answer back, in milliseconds: what is said where the caller says until when alone. */
const longestHoldMs = 30_000;

const receipts: readonly Receipt[] = ["accepted", "settled", "programmed"];

/** How long an answer may be held back. */
export function heldBackMs({ wait, waitMs }: CallOptions): number {
  if (wait === "accepted") return 0;
  return waitMs ?? (wait === undefined ? 0 : longestHoldMs);
}

/** The headers that ask for it. */
export function waitHeaders({ wait, waitMs }: CallOptions): Record<string, string> {
  return {
    ...(wait !== undefined && { "Photon-Wait": wait }),
    ...(waitMs !== undefined && { "Photon-Wait-Ms": String(waitMs) }),
  };
}

/** Tells the caller of an answer's receipt; a server that gives none tells nothing. */
export function tellReceipt({ onReceipt }: CallOptions, header: unknown): void {
  const receipt = receipts.find((one) => one === header);
  if (receipt !== undefined) onReceipt?.(receipt);
}
