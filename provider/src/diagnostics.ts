// What the user is told: a short summary, what to do, the attribute where there is one, and the request's id.
import type { Reason } from "@photoncloud/proto";
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
  aborted: "Somebody else was faster",
  unimplemented: "This cloud can't do that",
  internal: "The cloud made a mistake",
  unknown: "The cloud can't be talked to",
};

/** What is wrong with a value that would be right at another time or place; any other is "Invalid value". */
const troubles: Readonly<Record<string, string>> = {
  unique: "It is taken",
  in_use: "It is in use",
  overlap: "Networks overlap",
  unknown_reference: "There is no such resource",
  immutable: "It can't be changed",
  protected: "It is protected",
  data_loss: "This change loses data",
  placement: "No host can take it",
  quota: "A quota leaves no room",
};

const credentials = "Check token, or principal_id with key_secret or password, of the provider's configuration.";
const otherProvider = "Use the provider that this cloud serves: terraform init -upgrade.";
const again = "Apply again: what is done by now stays done.";

/** How a change that loses data is let through. */
export const dataLossConsent =
  "If that is what you want, say so with allow_data_loss = true in the provider's configuration, or with PHOTON_ALLOW_DATA_LOSS=true for one run; else write back what was taken away, or keep it first (a snapshot).";

/** What to do about each reason, where the cloud's own sentence can't say it in Terraform's words. */
const remedies: Readonly<Record<Reason, string>> = {
  INVALID_FIELDS: "",
  MALFORMED_REQUEST: otherProvider,
  BAD_PAGE_TOKEN: again,
  BAD_CURSOR: again,
  BAD_FILTER: "",
  IDEMPOTENCY_KEY_REUSED: again,
  NOT_FOUND:
    "Look whether it was removed, or lives elsewhere: run terraform plan again, or set org_id and project_id to where it is.",
  ALREADY_EXISTS: "If this configuration should manage the one that is there, import it: terraform import ADDRESS ID.",
  STILL_REFERENCED:
    "Remove what refers to it first. Where it is replaced while something goes on using it, replace that too (lifecycle: replace_triggered_by), or make the new one first under another name (create_before_destroy).",
  BEING_DELETED: "Apply again once it is gone.",
  WRONG_STATE: "",
  PROTECTED: "",
  DATA_LOSS: `Nothing of this resource was changed. ${dataLossConsent}`,
  BUILT_IN: "Make one of your own, and refer to that.",
  NO_HOST: "Ask for less, or ask the cloud's operator for another host; then apply again.",
  QUOTA_EXCEEDED:
    "Ask for less, remove what is not used, or ask whoever administers the quota for more; then apply again.",
  OUT_OF_ADDRESSES: "Free some, or take a larger network.",
  REQUEST_TOO_LARGE: "Split it into several resources.",
  TOO_MANY_REQUESTS: "Apply again in a while, with a lower -parallelism.",
  STALE_ETAG: "Run terraform plan again to see what somebody else changed, then apply.",
  CONTENDED: again,
  UNAUTHENTICATED: credentials,
  BAD_CREDENTIALS: credentials,
  SECOND_FACTOR_REQUIRED: "Let Terraform log in as a service account: principal_id with key_secret.",
  FRESH_FACTOR_REQUIRED: "Do that by the command photon, as a person who has just proved a second factor.",
  PERMISSION_DENIED: "",
  SHUTTING_DOWN: again,
  BACKEND_UNAVAILABLE: "Apply again once the cloud's operator has mended that.",
  STORE_UNAVAILABLE: "Apply again once the cloud's operator has mended that.",
  DEADLINE_EXCEEDED: "Give it more time with the attribute timeouts, then apply again.",
  UNIMPLEMENTED: otherProvider,
  INTERNAL: "Tell the cloud's operator, who finds it in the log by the request id; then apply again.",
};

/** The same for what is no answer of the cloud's. */
const withoutReason: Readonly<Record<string, string>> = {
  unauthenticated: credentials,
  unavailable: "Check endpoint of the provider's configuration, and that the cloud is running.",
  deadline_exceeded: remedies.DEADLINE_EXCEEDED,
  unimplemented: otherProvider,
  unknown: "Check endpoint of the provider's configuration, and ca_file where the cloud has an authority of its own.",
};

const isReason = (reason: string): reason is Reason => Object.hasOwn(remedies, reason);

function advice(error: PhotonError): string[] {
  const lines: string[] = [];
  if (error.permission !== "")
    lines.push(`The missing permission is ${error.permission}: an administrator can grant a role that has it.`);
  if (error.permission.endsWith(":plan"))
    lines.push("To plan without asking the cloud, set plan_checks = false in the provider's configuration.");
  if (error.resources.length > 0) lines.push(`In the way: ${error.resources.join(", ")}.`);
  lines.push(isReason(error.reason) ? remedies[error.reason] : (withoutReason[error.code] ?? ""));
  return lines;
}

/** What is told, and the id by which the cloud's operator finds the request; "" where no answer came. */
export const withRequest = (lines: readonly string[], requestId: string): string =>
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
        troubles[violation.rule] ?? `Invalid value (${violation.rule})`,
        withRequest([`${named}${violation.message}.`, ...advice(error)], error.requestId),
      );
    });
  const summary = summaries[error.code] ?? `Failed ${doing}`;
  const sentence = `While ${doing}: ${error.message}${/[.!?]$/.test(error.message) ? "" : "."}`;
  return [plainError(summary, withRequest([sentence, ...advice(error)], error.requestId))];
}
