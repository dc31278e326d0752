// Explain: what decides, and all that is looked at on the way.
import { create, isMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import {
  type CandidateSchema,
  type ExplainRequest,
  ExplainRequestSchema,
  ExplainResponseSchema,
  Outcome,
  Stage,
} from "@photoncloud/proto/gen/iam/v1/authz_pb";
import { invalidField } from "../../../fault.ts";
import { type Call, mayAlso, type ResourcePath } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import { questionOf, reaches } from "../policy/authorizer.ts";
import { sentenceOf, type Verdict } from "../policy/decide.ts";
import { type Look, type Looked, look } from "../policy/look.ts";
import { principalName } from "../principal-name.ts";
import {
  callerOf,
  longestResource,
  longestWord,
  malformed,
  other,
  parsePath,
  refuseBigAttributes,
  refuseLong,
} from "./asking.ts";
import type { AuthzParts } from "./index.ts";
import { resourceText } from "./statement-message.ts";

const mostCandidates = 500;

const stageOf: Readonly<Record<Verdict["by"], Stage>> = {
  limit: Stage.LIMIT,
  guardrail: Stage.GUARDRAIL,
  boundary: Stage.BOUNDARY,
  denial: Stage.DENIAL,
  allowance: Stage.ALLOWANCE,
  nothing: Stage.DEFAULT,
};

const outcomeOf: Readonly<Record<Looked["outcome"], Outcome>> = {
  decided: Outcome.DECIDED,
  matched: Outcome.MATCHED,
  passed: Outcome.PASSED,
  other_action: Outcome.OTHER_ACTION,
  other_resource: Outcome.OTHER_RESOURCE,
  condition_false: Outcome.CONDITION_FALSE,
  condition_failed: Outcome.CONDITION_FAILED,
  exempt: Outcome.EXEMPT,
};

export async function explain(parts: AuthzParts, request: Message, call: Call): Promise<Message> {
  if (!isMessage(request, ExplainRequestSchema)) throw malformed();
  refuseBad(request);
  const path = parsePath(request.resource);
  const caller = callerOf(call);
  const self = request.principal === "" || request.principal === principalName(caller);
  const asked = self ? caller : await asIf(parts, request, path, call);
  if (!reaches(asked, path)) return outOfReach(asked);
  const policy = await parts.policies.of(asked, path);
  const sourceIp = self || request.sourceIp === "" ? call.sourceIp : request.sourceIp;
  const context = { sourceIp, attributes: async () => request.resourceAttributes };
  const question = questionOf(policy, asked, request.action, path, context, parts.clock);
  const seen = look(policy, question, await question.context());
  const shows = self || (await mayAlso(parts.authorizer, call, "iam:authz:check", systemPath));
  return answerOf(seen, sentenceOf(seen.verdict, policy, question), policy.groups, (scope) => shows || scope !== "");
}

const systemPath: ResourcePath = { org: "", project: "", type: "", id: "" };

function refuseBad(request: ExplainRequest): void {
  refuseLong("principal", request.principal, longestWord);
  refuseLong("resource", request.resource, longestResource);
  refuseLong("action", request.action, longestWord);
  refuseLong("source_ip", request.sourceIp, longestWord);
  if (request.action === "")
    throw invalidField("action", "required", 'it is missing; give one, for example "compute:vms:create"');
  refuseBigAttributes(request.resourceAttributes);
}

/** Somebody else, who is not logged in here: what a login brings is what the request says of it. */
async function asIf(parts: AuthzParts, request: ExplainRequest, path: ResourcePath, call: Call): Promise<Principal> {
  const principal = await other(parts.authorizer, callerOf(call), request.principal, path, call);
  if (request.mfaAge === undefined) return principal;
  return { ...principal, mfaAt: parts.clock.now() - durationMs(request.mfaAge) };
}

function outOfReach({ project, org }: Principal): Message {
  const explanation = `The token is for the project ${project} of ${org} alone; log in without a project, or for the one that you mean.`;
  return create(ExplainResponseSchema, { allowed: false, explanation, stage: Stage.LIMIT });
}

function answerOf(
  { verdict, looked }: Look,
  explanation: string,
  groups: readonly string[],
  shows: (scope: string) => boolean,
): Message {
  const last = (one: Looked) => (one.outcome === "other_action" ? 1 : 0);
  const visible = looked.filter((one) => shows(scopeOf(one)));
  const candidates = visible.toSorted((one, another) => last(one) - last(another)).slice(0, mostCandidates);
  const decided = looked.find(({ outcome }) => outcome === "decided");
  const hidden = decided !== undefined && !shows(scopeOf(decided));
  return create(ExplainResponseSchema, {
    allowed: verdict.by === "allowance",
    explanation: hidden
      ? "Decided by what was given or denied in the whole system, of which you may not ask."
      : explanation,
    stage: stageOf[verdict.by],
    ...(decided !== undefined && !hidden && { decided: candidateOf(decided) }),
    candidates: candidates.map(candidateOf),
    groups: [...groups],
    hidden: looked.length - candidates.length,
  });
}

function scopeOf({ source }: Looked): string {
  if (source.stage === "guardrail") return source.guard.scope;
  // What bounds somebody is in its own row.
  return source.stage === "boundary" ? "its own" : source.grant.scope;
}

function candidateOf({ source, statement, outcome, why }: Looked): MessageInitShape<typeof CandidateSchema> {
  const written = {
    action: statement.action.text,
    resourcePattern: resourceText(statement.resource),
    conditions: [...statement.conditionTexts],
  };
  return { stage: stageOf[source.stage], outcome: outcomeOf[outcome], why, ...written, ...originOf(source) };
}

function originOf(source: Looked["source"]) {
  switch (source.stage) {
    case "guardrail":
      return { scope: source.guard.scope, guardrailId: source.guard.guardrail.id };
    case "boundary":
      return { roleId: source.boundary.roleId, roleVersion: BigInt(source.boundary.role?.version ?? 0) };
    case "denial":
    case "allowance": {
      const { scope, role, bindingId, group = "" } = source.grant;
      return { scope, roleId: role.id, roleVersion: BigInt(role.version), roleBindingId: bindingId, group };
    }
  }
}
