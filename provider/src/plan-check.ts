// Asks the cloud what it would make of a planned change: what it refuses, what it foresees, and what is restarted or lost.
import type { PhotonError } from "@photoncloud/sdk";
import type { Attribute } from "./attribute.ts";
import { type AccessChange, type KindCalls, type PlannedChange, type Reference, unknownTenant } from "./cloud.ts";
import type { ValueMap } from "./cty/value.ts";
import type { Deadline } from "./deadline.ts";
import { type Diagnostic, explain, hasReason, isPhotonError, plainError } from "./diagnostics.ts";
import { impacts } from "./impacts.ts";
import { reading } from "./operation.ts";
import { mayBeForeseen, planRequest, withForeseen } from "./plan-request.ts";
import { beyond } from "./quotas.ts";
import { dimensionsAt, type Need, type Verdict } from "./room.ts";
import type { Walk } from "./walk.ts";

/** How long a plan waits for the cloud, with all retries. A plan that was not checked is a plan all the same. */
export const askMs = 10_000;

export interface Question {
  readonly calls: KindCalls;
  readonly attributes: readonly Attribute[];
  /** What is there, where a change is planned; null: a creation. */
  readonly prior: ValueMap | null;
  readonly planned: ValueMap;
  readonly config: ValueMap;
  /** The tenant, and the id of what is there. */
  readonly at: Reference;
  /** JSON names of the fields that change. */
  readonly mask: readonly string[];
  /** Whether it takes the place of one that is there, which may be what is in the way. */
  readonly replaces: boolean;
  /** For messages: "vpc main". */
  readonly what: string;
  /** Whether Terraform tells of nothing more before this is answered. Default: it does. */
  isSerial?(): Promise<boolean>;
}

/** What is to be removed. */
export interface Removed extends Pick<Question, "calls" | "attributes" | "at" | "what"> {
  /** Whether another takes its place: that one says who may do more or less. */
  readonly isReplaced: boolean;
}

export interface Answer {
  readonly planned: ValueMap;
  readonly diagnostics: readonly Diagnostic[];
}

/** Asks, where it is of use. In an apply, whose plan was checked, only for what the plan has shown: it must be shown again. */
export async function ask(question: Question, walk: Walk, deadline: Deadline): Promise<Answer> {
  const { attributes, planned, prior, at } = question;
  const silent: Answer = { planned, diagnostics: [] };
  const shows = prior === null && mayBeForeseen(attributes, planned);
  if (!walk.asking || (walk.applying && !shows) || unknownTenant(question.calls.kind, planned)) return silent;
  if (walk.isComing(at.org) || walk.isComing(at.project)) return silent;
  const { resource, unknownPaths } = planRequest(attributes, planned, question.config);
  try {
    const answer = await question.calls.plan(
      at,
      resource,
      question.mask,
      unknownPaths,
      reading(deadline, walk.absentMs),
    );
    const foreseen = prior === null ? withForeseen(attributes, planned, answer.resource) : planned;
    return {
      planned: foreseen,
      diagnostics: walk.applying ? [] : await told(question, walk, answer.changes, deadline),
    };
  } catch (error) {
    if (!hasReason(error, "QUOTA_EXCEEDED") || question.replaces)
      return { planned, diagnostics: refused(question, walk, error) };
    return withoutRoom(question, walk, deadline, error);
  }
}

/** What the same walk frees may be what is asked for: a refusal that it mends is none. */
async function withoutRoom(question: Question, walk: Walk, deadline: Deadline, error: PhotonError): Promise<Answer> {
  const { attributes, planned, calls } = question;
  const dimensions = error.violations.flatMap(({ path }) => dimensionsAt(calls.kind, attributes, path));
  const needs = error.resources.flatMap((scope) => dimensions.map((dimension) => ({ scope, dimension })));
  const verdict = await roomFor(question, walk, needs, deadline);
  if (verdict === "made") return ask(question, walk, deadline);
  return { planned, diagnostics: asVerdict(verdict, refused(question, walk, error)) };
}

async function roomFor(
  { isSerial }: Question,
  walk: Walk,
  needs: readonly Need[],
  deadline: Deadline,
): Promise<Verdict> {
  const verdict = await walk.room.verdict(needs, deadline);
  return verdict === "none" && (await isSerial?.()) === true ? "planned" : verdict;
}

function asVerdict(verdict: Verdict, refusals: readonly Diagnostic[]): readonly Diagnostic[] {
  switch (verdict) {
    case "none":
      return refusals;
    case "planned":
      return refusals.map(asWarning);
    case "another":
    case "made":
      return [];
  }
}

/**
 * What there is to know before something is removed, or replaced. Only what is protected from it is refused already: any other thing that is in the way
 * may go in the same apply.
 */
export async function askDeletion(
  { calls, attributes, at, what, isReplaced }: Removed,
  walk: Walk,
  deadline: Deadline,
): Promise<readonly Diagnostic[]> {
  if (!walk.asking || walk.applying) return [];
  try {
    const changes = await calls.planDeletion(at, reading(deadline, walk.absentMs));
    return isReplaced ? [] : accessGiven(`${what} gone`, changes);
  } catch (error) {
    if (isPhotonError(error) && mute.has(error.code)) return unchecked(walk, error);
    if (!hasReason(error, "PROTECTED")) return [];
    // Terraform names nothing whose block is gone.
    return explain(error, attributes, "").map((one) => ({ ...one, detail: `Removing ${what}: ${one.detail}` }));
  }
}

/** What is begun already is in its own way: the apply takes it up. */
export function unfinished(walk: Walk): readonly Diagnostic[] {
  if (walk.applying || !walk.tellOnce()) return [];
  const detail =
    "An earlier apply of this working directory was cut short. What it had begun to create is taken up by the next apply, so that what is to be created is not checked in this plan.";
  return [{ severity: "warning", summary: "The cloud has not checked all of this plan", detail }];
}

/** The cloud, or the way to it, rather than what is planned. */
const mute = new Set(["unavailable", "deadline_exceeded", "unimplemented", "canceled"]);
/** Refusals that nothing else of the same plan can mend. */
const final = new Set([
  "invalid_argument",
  "already_exists",
  "resource_exhausted",
  "permission_denied",
  "unauthenticated",
  "not_found",
  // No answer of the cloud's: its address or its certificate is wrong.
  "unknown",
]);

function refused(question: Question, walk: Walk, error: unknown): readonly Diagnostic[] {
  const { attributes, config, what } = question;
  const told = explain(error, attributes, `planning ${what}`);
  if (!isPhotonError(error) || walk.applying) return told;
  if (mute.has(error.code)) return unchecked(walk, error);
  const mended = error.violations.filter((v) => walk.comesAt(attributes, config, v.path)).length;
  if (mended > 0 && mended === error.violations.length) return [];
  const words = [error.message, ...error.resources, ...error.violations.map((v) => v.message)].join(" ");
  const inTheWay = walk.namesManaged(words);
  if (inTheWay && question.replaces) return [];
  const open = inTheWay || question.replaces || mended > 0 || !final.has(error.code);
  return open ? told.map(asWarning) : told;
}

const asWarning = (diagnostic: Diagnostic): Diagnostic => ({
  ...diagnostic,
  severity: "warning",
  summary: `The cloud would refuse this now: ${diagnostic.summary}`,
  detail: `${diagnostic.detail}\n\nWhat else is planned may mend it: then this is of no concern.`,
});

/** One warning for the whole walk: nothing more is asked after it. */
function unchecked(walk: Walk, { code, message }: PhotonError): readonly Diagnostic[] {
  if (!walk.asking) return [];
  walk.asking = false;
  const why =
    code === "unimplemented"
      ? "It is older than this provider, and can't check plans."
      : `It could not be asked: ${message}${message.endsWith("?") ? "" : "."}`;
  const detail = `${why}\n\nThe plan was made without it: names that are taken, addresses, quotas and permissions are looked at only when it is applied, and nothing says which changes restart something or lose data. plan_checks = false in the provider's configuration plans so without asking.`;
  return [{ severity: "warning", summary: "The cloud has not checked this plan", detail }];
}

async function told(
  question: Question,
  walk: Walk,
  changes: readonly PlannedChange[],
  deadline: Deadline,
): Promise<readonly Diagnostic[]> {
  const { prior, what } = question;
  const { allowsDataLoss } = walk;
  return [
    ...(prior === null ? [] : impacts({ ...question, prior, allowsDataLoss }, changes)),
    ...accessGiven(what, changes),
    ...(await beyondQuotas(question, walk, changes, deadline)),
  ];
}

/** What takes another's place takes no more than that one had. */
async function beyondQuotas(
  question: Question,
  walk: Walk,
  changes: readonly PlannedChange[],
  deadline: Deadline,
): Promise<readonly Diagnostic[]> {
  const uses = question.replaces ? [] : changes.flatMap(({ quotas = [] }) => quotas);
  const over = walk.quotas.add(uses);
  if (over.length === 0) return [];
  const refusals = over.map((use) => plainError("This plan goes beyond a quota", beyond(use, question.what)));
  return asVerdict(await roomFor(question, walk, over, deadline), refusals);
}

/** One warning for all who may do more or less: nobody reviews a plan of roles without it. */
function accessGiven(what: string, changes: readonly PlannedChange[]): readonly Diagnostic[] {
  const lines = changes.flatMap(({ access = [] }) => access.map(accessLine));
  if (lines.length === 0) return [];
  const detail = `With ${what}:\n${lines.join("\n")}`;
  return [{ severity: "warning", summary: "This changes who may do what", detail }];
}

function accessLine({ principal, scope, gives, takes }: AccessChange): string {
  const gained = gives.length === 0 ? "" : ` gets ${gives.join(", ")}`;
  const lost = takes.length === 0 ? "" : ` loses ${takes.join(", ")}`;
  const changed = [gained, lost].filter((part) => part !== "").join(" and");
  return `- ${principal}${changed}${changed === "" ? "" : ` at ${scope === "" ? "the system" : scope}`}`;
}
