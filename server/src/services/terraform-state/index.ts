// Keeps Terraform's states: its http backend reads, writes and locks them at /terraform/state/{org}/{project}/{name}. Who may is asked of the same
// roles as everything else; how they are kept says states.ts.
import { Fault } from "../../fault.ts";
import type { Principal } from "../kind.ts";
import { actorOf } from "../resources/work.ts";
import { jsonAnswer, type TenantAsked, type TenantPages, type TenantRequest, type WebAnswer } from "../web.ts";
import { type Credential, createLogin, type LoginParts } from "./login.ts";
import type { Lock, Outcome, StateName, States } from "./states.ts";

export const statePrefix = "/terraform/state/";
/** Twenty thousand resources of ordinary size. */
export const mostStateBytes = 32 * 1024 * 1024;
/** What a lock says is for people; Terraform's own is some hundred bytes. */
const mostLockBytes = 16 * 1024;
const path = /^\/terraform\/state\/([^/]+)\/([^/]+)(?:\/([^/]+))?$/;
const validName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export interface TerraformStateParts extends LoginParts {
  readonly states: States;
  /** Notes who did what. */
  noted(done: Done): Promise<void>;
}

export interface Done {
  readonly of: StateName;
  readonly method: string;
  readonly permission: string;
  readonly principal: Principal;
  readonly decidedBy: string;
  readonly sourceIp: string;
  readonly requestId: string;
}

type Work = (of: StateName, by: Principal) => Promise<WebAnswer>;

export function terraformState(parts: TerraformStateParts): TenantPages {
  const login = createLogin(parts);
  const handle = async (request: TenantRequest): Promise<WebAnswer> => {
    const of = nameIn(request.url);
    const { verb, work } = workOf(parts.states, request);
    const permission = `terraform:states:${verb === "read" ? "read" : "write"}`;
    const token = await tokenOf(login, request, of);
    if (token === undefined) return challenge();
    const method = `terraform/state.${verb}`;
    const asked: TenantAsked = { token, permission, method, tenant: of.tenant, type: "terraform_state", id: of.name };
    return request.permit(asked, async (principal, decidedBy) => {
      const answer = await work(of, principal);
      const { sourceIp, requestId } = request;
      if (answer.status < 300) await parts.noted({ of, method, permission, principal, decidedBy, sourceIp, requestId });
      return answer;
    });
  };
  return { prefix: statePrefix, handle };
}

/** @throws Fault MALFORMED_REQUEST */
function nameIn({ pathname }: URL): StateName {
  const [, org = "", project = "", name = ""] = path.exec(pathname) ?? [];
  if (org !== "" && (name === "" || validName.test(name))) return { tenant: { org, project }, name };
  throw new Fault(
    "MALFORMED_REQUEST",
    `a state is at ${statePrefix}{org}/{project}/{name}; its name has up to 128 letters, digits and . _ -`,
  );
}

/** Without credentials Terraform is asked for them: it sends none before. */
const challenge = (): WebAnswer =>
  jsonAnswer(
    401,
    { message: "log in with username and password: a service account and its key, or any name and a token" },
    { "www-authenticate": 'Basic realm="PhotonCloud"' },
  );

function tokenOf(
  login: (credential: Credential, request: TenantRequest) => Promise<string>,
  request: TenantRequest,
  { tenant }: StateName,
): Promise<string | undefined> {
  const [, scheme = "", value = ""] = /^(\S+) +(\S+)$/.exec(request.headers.authorization ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") return Promise.resolve(value);
  if (scheme.toLowerCase() !== "basic") return Promise.resolve(undefined);
  const [user = "", ...rest] = Buffer.from(value, "base64").toString("utf8").split(":");
  return login({ tenant, user, password: rest.join(":") }, request);
}

/** What is asked for. `verb`: as the log tells it. @throws Fault UNIMPLEMENTED */
function workOf(states: States, request: TenantRequest): { readonly verb: string; readonly work: Work } {
  const { searchParams } = request.url;
  switch (request.method) {
    case "GET":
      return { verb: "read", work: (of) => (of.name === "" ? list(states, of) : read(states, of, searchParams)) };
    case "POST":
      return {
        verb: "write",
        work: async (of, by) =>
          answered(await states.write(of, await contentOf(request), actorOf(by), searchParams.get("ID") ?? "")),
      };
    case "DELETE":
      return { verb: "delete", work: async (of) => answered(await states.remove(of)) };
    case "LOCK":
      return {
        verb: "lock",
        work: async (of, by) => answered(await states.lock(of, { ...(await lockIn(request)), By: actorOf(by) })),
      };
    case "UNLOCK":
      return { verb: "unlock", work: async (of) => answered(await states.unlock(of, await idIn(request))) };
    default:
      throw new Fault("UNIMPLEMENTED", "a state is asked for with GET, POST, DELETE, LOCK and UNLOCK");
  }
}

async function list(states: States, { tenant }: StateName): Promise<WebAnswer> {
  const all = await states.list(tenant);
  const shown = all.map(({ name, versions, lock }) => ({
    name,
    lock,
    versions: versions.map(({ version, bytes, at, by }) => ({ version, bytes, time: new Date(at).toISOString(), by })),
  }));
  return jsonAnswer(200, { states: shown });
}

async function read(states: States, of: StateName, query: URLSearchParams): Promise<WebAnswer> {
  const version = query.get("version");
  const content = await states.read(of, version === null ? undefined : Number(version));
  if (content === undefined) return jsonAnswer(404, { message: `there is no such state as ${of.name}` });
  return { status: 200, headers: { "content-type": "application/json", "cache-control": "no-store" }, body: content };
}

/** @throws Fault MALFORMED_REQUEST for what is no JSON, REQUEST_TOO_LARGE */
async function contentOf(request: TenantRequest): Promise<string> {
  const text = await request.read(mostStateBytes);
  if (recordIn(text) === undefined) throw new Fault("MALFORMED_REQUEST", "a state is an object in JSON");
  return text;
}

function recordIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}

async function idIn(request: TenantRequest): Promise<string> {
  const id = recordIn(await request.read(mostLockBytes))?.ID;
  return typeof id === "string" ? id : "";
}

async function lockIn(request: TenantRequest): Promise<Lock> {
  const given = recordIn(await request.read(mostLockBytes));
  if (typeof given?.ID === "string" && given.ID !== "") return { ...given, ID: given.ID };
  throw new Fault("MALFORMED_REQUEST", "a lock is an object in JSON with an ID");
}

/** As Terraform's http backend understands it: 423 with the holder's lock, 409 where the caller's own is gone. */
function answered(outcome: Outcome): WebAnswer {
  if (outcome === "done") return jsonAnswer(200, {});
  if (outcome === "lost")
    return jsonAnswer(409, { message: "the lock is no longer yours, and somebody may have written since" });
  return jsonAnswer(423, outcome.held);
}
