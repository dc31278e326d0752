// How far a mutation has come, from what is stored to what hosts do with packets.

/**
 * "accepted": stored, and nothing of it gets lost. "settled": the backends have taken it, or it failed. "programmed": it is ready, and every live
 * host that it concerns works by it.
 */
export const receipts = ["accepted", "settled", "programmed"] as const;
export type Receipt = (typeof receipts)[number];
