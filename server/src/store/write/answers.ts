// Keeps answers for idempotency keys until they expire.
import { command, type Script } from "../sql/script.ts";
import { type Plan, Refused } from "./plan.ts";

/** Runs before everything else: of two requests with one key, the second learns that, not that the first took its name. */
export function* rememberAnswers(plan: Plan): Script<void> {
  for (const { scope, key, kept, expiresAt } of plan.remembers) {
    const stored = yield* command(
      `INSERT INTO answers (scope, key, request_hash, answer, expires_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (scope, key) DO UPDATE SET request_hash = excluded.request_hash, answer = excluded.answer,
         expires_at = excluded.expires_at WHERE answers.expires_at <= $6`,
      scope,
      key,
      kept.requestHash,
      kept.answer,
      Math.floor(expiresAt),
      plan.now,
    );
    if (stored === 0) throw new Refused({ reason: "key_taken", scope, key });
  }
}
