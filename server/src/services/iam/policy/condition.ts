// Conditions in CEL. They are checked when they are written, and evaluated over data that we build, never over a request's own bytes.
// CEL is not harmless: nested comprehensions, `cel.bind` and regular expressions run for seconds on a few hundred characters. Hence a list
// of functions, one level of nesting, and limits on every literal.
import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import { includes, parseIp, parseNetwork } from "../../../ip.ts";

/** What a condition sees as `principal`. */
export interface PrincipalView {
  readonly id: string;
  readonly kind: string;
  readonly org_id: string;
  readonly project_id: string;
  /** "group:acme-corp/operators" */
  readonly groups: readonly string[];
  /** How long ago it proved a second factor, as a duration; not there where it did not. */
  readonly mfa_age?: unknown;
}

/** What a condition sees. */
export interface ConditionContext {
  readonly principal: PrincipalView;
  /** org_id, project_id, type and id of the path; owner, name and labels of the resource, as far as there is one. */
  readonly resource: Readonly<Record<string, unknown>>;
  readonly request: { readonly time: Date; readonly source_ip: string; readonly method?: string };
}

/** A compiled condition. @throws where what it asks for is not there. */
export type Condition = (context: ConditionContext) => boolean;

/** In characters; a page of policy is not a condition. */
const longest = 1024;
const environment = new Environment({
  limits: { maxAstNodes: 200, maxDepth: 16, maxListElements: 64, maxMapEntries: 16, maxCallArguments: 4 },
})
  .registerVariable({
    name: "principal",
    schema: {
      id: "string",
      kind: "string",
      org_id: "string",
      project_id: "string",
      groups: "list<string>",
      mfa_age: "google.protobuf.Duration",
    },
  })
  .registerVariable({
    name: "resource",
    schema: {
      id: "string",
      type: "string",
      org_id: "string",
      project_id: "string",
      name: "string",
      owner: "string",
      labels: "map<string, string>",
    },
  })
  .registerVariable({
    name: "request",
    schema: { time: "google.protobuf.Timestamp", source_ip: "string", method: "string" },
  })
  .registerFunction("string.inNetwork(string): bool", inNetwork);

/** How the library makes a duration: it has the type, but shows one only as what an expression gives. */
function durationMaker(): (ms: number) => unknown {
  const sample: unknown = new Environment().evaluate('duration("1s")');
  const type: unknown = typeof sample === "object" && sample !== null ? sample.constructor : undefined;
  const make: unknown = typeof type === "function" ? Reflect.get(type, "fromMilliseconds") : undefined;
  if (typeof make !== "function") throw new Error("the library of CEL makes no durations of milliseconds");
  return (ms) => Reflect.apply(make, type, [ms]);
}

/** A duration as conditions see it. */
export const durationOf = durationMaker();

/** Whether an address is in a network: request.source_ip.inNetwork("10.0.0.0/8"). */
function inNetwork(address: unknown, network: unknown): boolean {
  const [ip, net] = [parseIp(String(address).replace(/^::ffff:/, "")), parseNetwork(String(network))];
  return ip !== undefined && net !== undefined && includes(net, ip);
}

const comprehensions = new Set(["all", "exists", "exists_one", "filter", "map"]);
const allowed = new Set([
  ...comprehensions,
  ...["has", "size", "startsWith", "endsWith", "contains", "lowerAscii", "inNetwork"],
  ...["timestamp", "duration", "int", "string"],
  ...["getFullYear", "getMonth", "getDate", "getDayOfWeek", "getHours", "getMinutes", "getSeconds"],
]);

/** Where in the text something is wrong, for people: the first character is column 1. */
function located(problem: string, text: string, start: number | undefined): string {
  if (start === undefined) return problem;
  const before = text.slice(0, start).split("\n");
  const line = before.length > 1 ? `line ${before.length}, ` : "";
  return `${line}column ${(before.at(-1)?.length ?? 0) + 1}: ${problem}`;
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value && "args" in value;
}

/** The nodes right below a node, whatever its operator's shape is. */
function below(args: unknown): ASTNode[] {
  if (isNode(args)) return [args];
  return Array.isArray(args) ? args.flatMap(below) : [];
}

/** Nodes inside of a comprehension, which are evaluated for each of up to 64 elements. */
const mostInside = 32;

function nodesIn(node: ASTNode): number {
  return below(node.args).reduce((sum, child) => sum + nodesIn(child), 1);
}

interface Forbidden {
  readonly problem: string;
  /** Where it begins. */
  readonly start: number;
}

/** Walks a condition; answers what it may not do. */
function forbidden(node: ASTNode, depth: number): Forbidden | undefined {
  const here = (problem: string): Forbidden => ({ problem, start: node.start });
  const called = node.op === "call" || node.op === "rcall" ? node.args[0] : undefined;
  if (called !== undefined && !allowed.has(called))
    return here(`${called}() is not offered; there are ${[...allowed].join(", ")}`);
  const nesting = called !== undefined && comprehensions.has(called) ? depth + 1 : depth;
  if (nesting > depth && nodesIn(node) > mostInside)
    return here(
      `${called}() has ${nodesIn(node)} parts inside; at most ${mostInside} are allowed, since they are evaluated for each element`,
    );
  if (nesting > 1) return here(`${called}() inside another of ${[...comprehensions].join(", ")} is not allowed`);
  for (const child of below(node.args)) {
    const problem = forbidden(child, nesting);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** An answer of `compileCondition`. */
export type Compiled =
  | { readonly ok: true; readonly condition: Condition }
  | { readonly ok: false; readonly problem: string };

/** Compiles and type-checks a condition, or says in a sentence what is wrong with it. */
export function compileCondition(text: string): Compiled {
  if (text.length > longest) return refuse(`has ${text.length} characters; at most ${longest} are allowed`);
  try {
    const parsed = environment.parse(text);
    const problem = forbidden(parsed.ast, 0);
    if (problem !== undefined) return refuse(located(problem.problem, text, problem.start));
    const checked = parsed.check();
    if (!checked.valid) return refuse(problemOf(checked.error, text));
    if (checked.type !== "bool")
      return refuse(`gives ${checked.type}; it must give true or false, for example: resource.owner == principal.id`);
    return { ok: true, condition: (context) => parsed(context) === true };
  } catch (error) {
    return refuse(problemOf(error, text));
  }
}

function refuse(problem: string): Compiled {
  return { ok: false, problem };
}

/** In a line, with its column where the library tells it. */
function problemOf(error: unknown, text: string): string {
  if (!(error instanceof Error)) return String(error);
  const range: unknown = Reflect.get(error, "range");
  const start: unknown = typeof range === "object" && range !== null ? Reflect.get(range, "start") : undefined;
  return located(error.message.split("\n")[0] ?? "", text, typeof start === "number" ? start : undefined);
}
