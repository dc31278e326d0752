// The decision against a reference that knows no index, no compiled pattern and no shortcut: it spells the rules out.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { GuardrailSchema } from "@photoncloud/proto/gen/iam/v1/guardrail_pb";
import { Effect, RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import fc from "fast-check";
import { formatPath, type ResourcePath } from "../../call.ts";
import type { TokenLimit } from "../../kind.ts";
import { actionParts, actionProblem, compileAction, coversAction, matchesAction, overlapsAction } from "./action.ts";
import type { ConditionContext } from "./condition.ts";
import { decide, judgeIn } from "./decide.ts";
import { notHeld } from "./holding.ts";
import type { Grant, Guard, Policy, Settled } from "./policy.ts";
import { compileResource, coversResource, matchesResource, overlapsResource } from "./resource-pattern.ts";
import { type CompiledRole, compileGuardrail, compileRole } from "./statements.ts";
import { conditions, type Plain, reference, type Written } from "./testing/reference.ts";

const word = fc.constantFrom("a", "b", "c");
const action = fc.tuple(word, word, word).map((parts) => parts.join(":"));
const starred = fc.oneof(word, fc.constant("*"));
const actionPattern = fc
  .oneof(fc.tuple(starred), fc.tuple(starred, starred), fc.tuple(starred, starred, starred))
  .map((parts) => parts.join(":"))
  .filter((text) => actionProblem(text) === undefined);
const guardrails = fc.constantFrom("iam:guardrails:*", "*:guardrails:update", "iam:*");
const path: fc.Arbitrary<ResourcePath> = fc.record({
  org: fc.constantFrom("o1", "o2"),
  project: fc.constantFrom("", "p1", "p2"),
  type: fc.constantFrom("vm", "vpc"),
  id: fc.constantFrom("", "x", "y"),
});
const resourcePattern = fc
  .tuple(
    fc.constantFrom("*", "o1"),
    fc.constantFrom(undefined, "*", "p1"),
    fc.constantFrom(undefined, "*", "vm"),
    fc.constantFrom(undefined, "*", "x"),
  )
  .map(([org, project, type, id]) =>
    ["org", org, ...(project ? ["project", project] : []), ...(type ? [type, ...(id ? [id] : [])] : [])].join("/"),
  );
const statement: fc.Arbitrary<Plain> = fc.record({
  action: fc.oneof({ weight: 9, arbitrary: actionPattern }, guardrails),
  resourcePattern: fc.option(resourcePattern, { nil: undefined }),
  deny: fc.constantFrom(true, false, false, false),
  conditions: fc.oneof(
    fc.constant([]),
    fc.constant(["true"]),
    fc.array(fc.constantFrom(...Object.keys(conditions)), { maxLength: 2 }),
  ),
});
const statements = fc.array(statement, { minLength: 1, maxLength: 4 });
const roles = fc.array(statements, { maxLength: 4 });
const denials = fc.array(
  statement.map((one) => ({ ...one, deny: true })),
  { minLength: 1, maxLength: 2 },
);
const limit = fc.record({
  actions: fc.array(fc.oneof(actionPattern, fc.constant("*")), { minLength: 1, maxLength: 2 }),
  resource: fc.option(resourcePattern, { nil: undefined }),
});
const written: fc.Arbitrary<Written> = fc.record({
  limits: fc.array(limit, { maxLength: 2 }),
  guardrails: fc.array(fc.record({ exempt: fc.boolean(), statements: denials }), { maxLength: 2 }),
  boundary: fc.option(statements, { nil: undefined }),
  roles,
});
const anyAction = fc.oneof({ weight: 9, arbitrary: action }, fc.constant("iam:guardrails:update"));

function roleOf(id: string, given: readonly Plain[]): CompiledRole {
  return compileRole(
    create(RoleSchema, {
      id,
      permissions: given.map(({ resourcePattern: pattern, deny, action: spoken, conditions: texts }) => ({
        action: spoken,
        conditions: [...texts],
        ...(pattern !== undefined && { resourcePattern: pattern }),
        ...(deny && { effect: Effect.DENY }),
      })),
    }),
  );
}

const principal = "user:o1/p";
const group = "group:o1/g";

function guardOf({ exempt, statements: given }: Written["guardrails"][number], index: number): Guard {
  // An exemption comes to the principal itself or by its group.
  const exemptPrincipals = exempt ? [index % 2 === 0 ? principal : group] : ["user:o1/q"];
  const denied = given.map(({ action: spoken, resourcePattern: pattern, conditions: texts }) => ({
    action: spoken,
    conditions: [...texts],
    ...(pattern !== undefined && { resourcePattern: pattern }),
  }));
  const guardrail = compileGuardrail(
    create(GuardrailSchema, { id: `guardrail-${index}`, exemptPrincipals, statements: denied }),
  );
  return { scope: "", guardrail };
}

function grantsOf(given: Written["roles"]): readonly Grant[] {
  return given.map((one, index) => {
    const grant = { bindingId: `binding-${index}`, scope: "", role: roleOf(`role-${index}`, one) };
    return index % 2 === 0 ? grant : { ...grant, group };
  });
}

function policyFrom({ guardrails = [], boundary, roles: given }: Partial<Written> & Pick<Written, "roles">): Policy {
  return {
    principal,
    groups: [group],
    guards: guardrails.map(guardOf),
    grants: grantsOf(given),
    boundary: boundary && { roleId: "bounds", role: roleOf("bounds", boundary) },
  };
}

const seen: ConditionContext = {
  principal: { id: "p", kind: "user", org_id: "o1", project_id: "", groups: [group] },
  resource: {},
  request: { time: new Date(0), source_ip: "" },
};
const context = async () => seen;

function limitsOf({ limits }: Pick<Written, "limits">): readonly TokenLimit[] {
  return limits.map(({ actions, resource }) => ({ actions, ...(resource !== undefined && { resource }) }));
}

test("decide() agrees with the reference: limits, guardrails, boundary, denials, allowances, in this order", async () => {
  let allowed = 0;
  await fc.assert(
    fc.asyncProperty(written, anyAction, path, async (given, asked, at) => {
      const question = { action: asked, path: at, limits: limitsOf(given), context };
      const decision = await decide(policyFrom(given), question);
      allowed += decision.allowed ? 1 : 0;
      expect(decision.allowed).toBe(reference(given, asked, at));
    }),
    { numRuns: 4_000 },
  );
  // What never allows would agree, too.
  expect(allowed).toBeGreaterThan(50);
});

test("decide() tells the same with and without the shortcut for what needs no context", async () => {
  await fc.assert(
    fc.asyncProperty(written, anyAction, path, async (given, asked, at) => {
      const question = { action: asked, path: at, limits: limitsOf(given), context };
      const verdict = judgeIn(policyFrom(given), question, seen);
      expect((await decide(policyFrom(given), question)).allowed).toBe(verdict.by === "allowance");
    }),
    { numRuns: 1_000 },
  );
});

test("decide() does not depend on the order of grants and guardrails", async () => {
  await fc.assert(
    fc.asyncProperty(written, anyAction, path, async (given, asked, at) => {
      const question = { action: asked, path: at, limits: limitsOf(given), context };
      const policy = policyFrom(given);
      const turned = { ...policy, grants: policy.grants.toReversed(), guards: policy.guards.toReversed() };
      expect((await decide(turned, question)).allowed).toBe((await decide(policy, question)).allowed);
    }),
  );
});

describe("decide() names what decided", () => {
  const at = { org: "o1", project: "p1", type: "vm", id: "x" };
  const all: Plain = { action: "*", resourcePattern: undefined, deny: false, conditions: [] };
  const deny = { ...all, deny: true };
  const guard = { exempt: false, statements: [deny] };
  const base: Written = { limits: [], guardrails: [], boundary: undefined, roles: [[all]] };
  test.each<[string, Partial<Written>]>([
    ["Allowed by the role role-0, which the binding binding-0 gives user:o1/p at the system.", {}],
    [
      "Allowed by the role role-1, which the binding binding-1 gives group:o1/g, in which user:o1/p is, at the system.",
      { roles: [[{ ...all, action: "x:*" }], [all]] },
    ],
    ["Denied by the role role-0, which the binding binding-0 gives user:o1/p at the system.", { roles: [[all, deny]] }],
    ["Denied by the guardrail guardrail-0 of the system.", { guardrails: [guard] }],
    ["Not allowed by the role bounds, which bounds user:o1/p.", { boundary: [{ ...all, action: "x:*" }] }],
    ["Denied by the role bounds, which bounds user:o1/p.", { boundary: [all, deny] }],
    ["The token is narrowed, and does not reach a:b:c on org/o1/project/p1/vm/x.", { limits: [{ actions: ["x:*"] }] }],
    ["No role of user:o1/p at org/o1/project/p1/vm/x or above allows a:b:c.", { roles: [] }],
    // Each before what follows it.
    [
      "The token is narrowed, and does not reach a:b:c on org/o1/project/p1/vm/x.",
      { limits: [{ actions: ["x:*"] }], guardrails: [guard], boundary: [deny], roles: [[deny]] },
    ],
    ["Denied by the guardrail guardrail-0 of the system.", { guardrails: [guard], boundary: [deny], roles: [[deny]] }],
    ["Denied by the role bounds, which bounds user:o1/p.", { boundary: [deny], roles: [[deny]] }],
  ])("%s", async (explanation, given) => {
    const whole = { ...base, ...given };
    const question = { action: "a:b:c", path: at, limits: limitsOf(whole), context };
    expect((await decide(policyFrom(whole), question)).explanation).toBe(explanation);
  });

  test("a boundary whose role is gone allows nothing", async () => {
    const policy = { ...policyFrom(base), boundary: { roleId: "gone", role: undefined } };
    expect((await decide(policy, { action: "a:b:c", path: at, context })).allowed).toBe(false);
  });
});

test("decide() evaluates a hundred conditions at most: no allowance beyond them holds", async () => {
  const at = { org: "o1", project: "p1", type: "vm", id: "x" };
  const never: Plain = { action: "a:b:c", resourcePattern: undefined, deny: false, conditions: ["false"] };
  const ask = (count: number) => {
    const many = [...Array<Plain>(count).fill(never), { ...never, conditions: ["true"] }];
    return decide(policyFrom({ roles: [many] }), { action: "a:b:c", path: at, context });
  };
  expect((await ask(99)).allowed).toBe(true);
  expect((await ask(100)).allowed).toBe(false);
});

test("decide() answers for every path alike, whether what is settled for an action is kept or not", async () => {
  await fc.assert(
    fc.asyncProperty(written, anyAction, fc.array(path, { minLength: 1, maxLength: 4 }), async (own, asked, paths) => {
      const policy = policyFrom(own);
      const kept = { ...policy, settled: new Map<string, Settled>() };
      for (const at of paths) {
        const question = { action: asked, path: at, limits: limitsOf(own), context };
        const { use: _, ...decision } = await decide(kept, question);
        expect(decision).toEqual(await decide(policy, question));
      }
    }),
    { numRuns: 2_000 },
  );
});

describe("what holds for giving", () => {
  test("who holds a role can do all that the role gives: a role that is held never allows more than its holder has", async () => {
    await fc.assert(
      fc.asyncProperty(written, statements, anyAction, path, async (own, given, asked, at) => {
        const limits = limitsOf(own);
        const holder = policyFrom({ ...own, guardrails: [] });
        fc.pre(notHeld({ ...holder, limits }, roleOf("given", given).statements) === undefined);
        const receiver = await decide(policyFrom({ roles: [given] }), { action: asked, path: at, context });
        const giver = { action: asked, path: at, limits, context };
        if (receiver.allowed) expect((await decide(holder, giver)).allowed).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test("coversAction() and overlapsAction() agree with matching", () => {
    fc.assert(
      fc.property(actionPattern, actionPattern, action, (one, other, asked) => {
        const [a, b] = [compileAction(one), compileAction(other)];
        const [inA, inB] = [matchesAction(a, actionParts(asked)), matchesAction(b, actionParts(asked))];
        if (coversAction(a, b) && inB) expect(inA).toBe(true);
        if (inA && inB) expect(overlapsAction(a, b)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test("coversResource() and overlapsResource() agree with matching", () => {
    fc.assert(
      fc.property(resourcePattern, resourcePattern, path, (one, other, at) => {
        const parts = formatPath(at).split("/");
        const [a, b] = [compileResource(one), compileResource(other)];
        const [inA, inB] = [matchesResource(a, parts), matchesResource(b, parts)];
        if (coversResource(a, b) && inB) expect(inA).toBe(true);
        if (inA && inB) expect(overlapsResource(a, b)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
