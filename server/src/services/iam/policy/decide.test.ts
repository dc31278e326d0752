// The policy walk against an oracle that knows no index, no compiled pattern and no order: it spells the rules out.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { Effect, type Role, RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import fc from "fast-check";
import { formatPath, type ResourcePath } from "../../call.ts";
import { actionParts, actionProblem, compileAction, coversAction, matchesAction, overlapsAction } from "./action.ts";
import { decide } from "./decide.ts";
import { notHeld } from "./holding.ts";
import { type Grant, Policy } from "./policy.ts";
import { compileResource, coversResource, matchesResource, overlapsResource } from "./resource-pattern.ts";
import { compileRole } from "./statements.ts";

const word = fc.constantFrom("a", "b", "c");
const action = fc.tuple(word, word, word).map((parts) => parts.join(":"));
const starred = fc.oneof(word, fc.constant("*"));
const actionPattern = fc
  .oneof(fc.tuple(starred), fc.tuple(starred, starred), fc.tuple(starred, starred, starred))
  .map((parts) => parts.join(":"))
  .filter((text) => actionProblem(text) === undefined);
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
interface Plain {
  readonly action: string;
  readonly resourcePattern: string | undefined;
  readonly effect: Effect | undefined;
  readonly conditions: string[];
}
const permission: fc.Arbitrary<Plain> = fc.record({
  action: actionPattern,
  resourcePattern: fc.option(resourcePattern, { nil: undefined }),
  effect: fc.constantFrom(undefined, Effect.ALLOW, Effect.DENY),
  conditions: fc.constantFrom<string[]>([], ["true"], ["false"], ["resource.nothing == 1"]),
});
const roles = fc.array(fc.array(permission, { minLength: 1, maxLength: 4 }), { maxLength: 4 });

function roleOf(id: string, permissions: readonly Plain[]): Role {
  return create(RoleSchema, {
    id,
    permissions: permissions.map(({ resourcePattern: pattern, effect, ...rest }) => ({
      ...rest,
      ...(pattern !== undefined && { resourcePattern: pattern }),
      ...(effect !== undefined && { effect }),
    })),
  });
}

/** A pattern as a regular expression, made in the most literal way. */
function actionRegExp(pattern: string): RegExp {
  const parts = pattern.split(":");
  return new RegExp(
    `^${parts.map((part, i) => (part !== "*" ? part : i === parts.length - 1 ? ".+" : "[^:]+")).join(":")}$`,
  );
}

function resourceRegExp(pattern: string): RegExp {
  return new RegExp(`^${pattern.replace(/\/\*$/, "(/[^/]+)?").replaceAll("*", "[^/]+")}$`);
}

function oracle(permissions: readonly Plain[], asked: string, at: ResourcePath): boolean {
  const text = formatPath(at);
  const speaks = (one: Plain) => actionRegExp(one.action).test(asked);
  const matches = (one: Plain) => one.resourcePattern === undefined || resourceRegExp(one.resourcePattern).test(text);
  const reachesInto = (one: Plain) =>
    at.id === "" &&
    !asked.endsWith(":create") &&
    one.resourcePattern !== undefined &&
    new RegExp(`^${one.resourcePattern.replace(/\/[^/]+$/, "").replaceAll("*", "[^/]+")}$`).test(text);
  const isTrue = (one: Plain) => one.conditions.every((condition) => condition === "true");
  const isBroken = (one: Plain) => one.conditions.includes("resource.nothing == 1");
  const denials = permissions.filter((one) => one.effect === Effect.DENY);
  const allowances = permissions.filter((one) => one.effect !== Effect.DENY);
  if (denials.some((one) => speaks(one) && (matches(one) || reachesInto(one)) && (isTrue(one) || isBroken(one))))
    return false;
  return allowances.some((one) => speaks(one) && matches(one) && isTrue(one));
}

const context = async () => ({
  principal: { id: "p", kind: "user", org_id: "o1", project_id: "" },
  resource: {},
  request: { time: new Date(0), source_ip: "" },
});

function grantsOf(given: readonly Role[]): readonly Grant[] {
  return given.map((role, index) => ({ bindingId: `binding-${index}`, scope: "", role: compileRole(role) }));
}

test("decide() agrees with the oracle", async () => {
  await fc.assert(
    fc.asyncProperty(roles, action, path, async (given, asked, at) => {
      const grants = grantsOf(given.map((permissions, index) => roleOf(`role-${index}`, permissions)));
      const decision = await decide(new Policy(grants), { principal: "user:o1/p", action: asked, path: at, context });
      expect(decision.allowed).toBe(oracle(given.flat(), asked, at));
    }),
    { numRuns: 2_000 },
  );
});

test("decide() does not depend on the order of grants", async () => {
  await fc.assert(
    fc.asyncProperty(roles, action, path, async (given, asked, at) => {
      const grants = grantsOf(given.map((permissions, index) => roleOf(`role-${index}`, permissions)));
      const question = { principal: "user:o1/p", action: asked, path: at, context };
      const [one, other] = [
        await decide(new Policy(grants), question),
        await decide(new Policy(grants.toReversed()), question),
      ];
      expect(one.allowed).toBe(other.allowed);
    }),
  );
});

test("decide() names the role and the binding that decided", async () => {
  const grants = grantsOf([
    roleOf("reader", [{ action: "a:b:*", resourcePattern: undefined, effect: undefined, conditions: [] }]),
  ]);
  const at = { org: "o1", project: "p1", type: "vm", id: "x" };
  const decision = await decide(new Policy(grants), { principal: "user:o1/p", action: "a:b:c", path: at, context });
  expect(decision).toEqual({
    allowed: true,
    roleId: "reader",
    roleBindingId: "binding-0",
    explanation: "Allowed by the role reader, which the binding binding-0 gives user:o1/p at the system.",
  });
});

test("decide() evaluates a hundred conditions at most: no allowance beyond them holds", async () => {
  const at = { org: "o1", project: "p1", type: "vm", id: "x" };
  const never = { action: "a:b:c", resourcePattern: undefined, effect: undefined, conditions: ["false"] };
  const ask = (count: number) => {
    const role = roleOf("many", [...Array<Plain>(count).fill(never), { ...never, conditions: ["true"] }]);
    return decide(new Policy(grantsOf([role])), { principal: "user:o1/p", action: "a:b:c", path: at, context });
  };
  expect((await ask(99)).allowed).toBe(true);
  expect((await ask(100)).allowed).toBe(false);
});

describe("what holds for giving", () => {
  test("who holds a role can do all that the role gives: a role that is held never allows more than its holder has", async () => {
    await fc.assert(
      fc.asyncProperty(
        roles,
        fc.array(permission, { minLength: 1, maxLength: 3 }),
        action,
        path,
        async (own, given, asked, at) => {
          const holder = grantsOf(own.map((permissions, index) => roleOf(`role-${index}`, permissions)));
          const role = compileRole(roleOf("given", given));
          fc.pre(notHeld(holder, role.statements) === undefined);
          const question = { principal: "user:o1/p", action: asked, path: at, context };
          const receiver = await decide(new Policy([{ bindingId: "b", scope: "", role }]), question);
          if (receiver.allowed) expect((await decide(new Policy(holder), question)).allowed).toBe(true);
        },
      ),
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
