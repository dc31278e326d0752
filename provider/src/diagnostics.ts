// What the user is told: a short summary, what to do, the attribute where there is one, and the request's id.
import type { PhotonError } from "@photoncloud/sdk";
import type { Attribute } from "./attribute.ts";
import { attributePath, protoPath } from "./attribute-path.ts";
import type { Path } from "./cty/path.ts";

export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly summary: string;
  readonly detail: string;
  readonly path?: Path;
}

/** Thrown where something can't go on; carries what to tell the user. */
export class Problem extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((d) => `${d.summary}: ${d.detail}`).join("\n"));
    this.diagnostics = diagnostics;
  }
}

export const errorAt = (path: Path, summary: string, detail: string): Diagnostic => ({
  severity: "error",
  summary,
  detail,
  path,
});
export const plainError = (summary: string, detail: string): Diagnostic => ({ severity: "error", summary, detail });

/** Whether the SDK threw it; by its name, so that the SDK need not be loaded to know. */
export const isPhotonError = (error: unknown): error is PhotonError =>
  error instanceof Error && error.name === "PhotonError" && "violations" in error && "requestId" in error;

/** Whether the cloud answered with this reason. */
export const hasReason = (error: unknown, reason: string): error is PhotonError =>
  isPhotonError(error) && error.reason === reason;

export const isNotFound = (error: unknown): boolean => isPhotonError(error) && error.code === "not_found";

const summaries: Readonly<Record<string, string>> = {
  permission_denied: "Permission denied",
  unauthenticated: "The cloud does not accept these credentials",
  not_found: "Not found",
  already_exists: "It exists already",
  resource_exhausted: "A limit is reached",
  unavailable: "The cloud can't be reached",
  deadline_exceeded: "It took too long",
  canceled: "Stopped",
  failed_precondition: "The cloud can't do that now",
  invalid_argument: "The cloud refused the request",
};

function advice(error: PhotonError): string[] {
  const lines: string[] = [];
  if (error.permission !== "")
    lines.push(`The missing permission is ${error.permission}: an administrator can grant a role that has it.`);
  if (error.permission.endsWith(":plan"))
    lines.push("To plan without asking the cloud, set plan_checks = false in the provider's configuration.");
  if (error.resources.length > 0) lines.push(`In the way: ${error.resources.join(", ")}.`);
  if (error.reason === "STILL_REFERENCED")
    lines.push(
      "Where it is replaced while something goes on using it, replace that too (lifecycle: replace_triggered_by), or make the new one first under another name (create_before_destroy).",
    );
  if (error.reason === "ALREADY_EXISTS")
    lines.push("If this configuration should manage the one that is there, import it: terraform import ADDRESS ID.");
  if (error.code === "unauthenticated")
    lines.push("Check token, or principal_id with key_secret or password, of the provider's configuration.");
  if (error.code === "unavailable")
    lines.push("Check endpoint of the provider's configuration, and that the cloud is running.");
  return lines;
}

const withRequest = (lines: readonly string[], requestId: string): string =>
  [...lines, requestId === "" ? "" : `Request id: ${requestId}`].filter((line) => line !== "").join("\n\n");

/** An error as diagnostics: one for each violation, else one. `doing` begins the sentence: "creating photoncloud_vpc". */
export function explain(error: unknown, attributes: readonly Attribute[], doing: string): readonly Diagnostic[] {
  if (error instanceof Problem) return error.diagnostics;
  if (!isPhotonError(error)) {
    const detail = error instanceof Error ? error.message : String(error);
    return [plainError(`Failed ${doing}`, `${detail}\n\nThis is a bug in the PhotonCloud provider.`)];
  }
  if (error.violations.length > 0)
    return error.violations.map((violation) => {
      const path = attributePath(attributes, violation.path);
      const named =
        violation.path === "" || protoPath(attributes, path) === violation.path ? "" : `${violation.path}: `;
      return errorAt(
        path,
        `Invalid value (${violation.rule})`,
        withRequest([`${named}${violation.message}.`, ...advice(error)], error.requestId),
      );
    });
  const summary = summaries[error.code] ?? `Failed ${doing}`;
  return [plainError(summary, withRequest([`While ${doing}: ${error.message}`, ...advice(error)], error.requestId))];
}
