// What the process's exit code says, so that scripts need not read messages.
import { PhotonError } from "@photoncloud/sdk";
import { UsageError } from "./usage-error.ts";

export const exitCodes = { ok: 0, error: 1, usage: 2, notFound: 3, denied: 4, conflict: 5, unavailable: 6 } as const;

/** The table that the help shows. */
export const exitCodesHelp =
  "Exit codes: 0 done, 1 error, 2 wrong use or input, 3 not found, 4 not allowed or not logged in,\n" +
  "5 in conflict with what is there, 6 unavailable or too late.";

const ofCode: Readonly<Record<string, number>> = {
  invalid_argument: exitCodes.usage,
  not_found: exitCodes.notFound,
  permission_denied: exitCodes.denied,
  unauthenticated: exitCodes.denied,
  already_exists: exitCodes.conflict,
  failed_precondition: exitCodes.conflict,
  aborted: exitCodes.conflict,
  unavailable: exitCodes.unavailable,
  deadline_exceeded: exitCodes.unavailable,
};

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  return error instanceof PhotonError ? (ofCode[error.code] ?? exitCodes.error) : exitCodes.error;
}
