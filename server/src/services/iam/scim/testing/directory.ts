// A directory for SCIM's tests: a service account of acme that may read and write its users and groups, and what it sends.
import { expect } from "@jest/globals";
import { Fault } from "../../../../fault.ts";
import type { Store } from "../../../../store/store.ts";
import type { WebRequest } from "../../../web.ts";
import { callBy, issuer, openWorld, type World } from "../../testing/world.ts";

export const admin = "user:system/admin";
const directory = "service_account:acme/directory";
const patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Record<string, unknown>;
}

/** Who asks, unless it is the directory itself. `who`: "" for somebody who has but the token. */
interface Asker {
  readonly who?: string;
  readonly org?: string;
  readonly headers?: Record<string, string>;
  readonly token?: string;
}

export class TestDirectory {
  readonly world: World;
  readonly #web: ReturnType<World["iam"]["web"]>;

  constructor(world: World) {
    this.world = world;
    this.#web = world.iam.web(world.resources);
  }

  async scim(method: string, path: string, body?: unknown, asker: Asker = {}): Promise<Answer> {
    const url = new URL(`${issuer}/scim/v2/${asker.org ?? "acme"}${path}`);
    const sent = { method, url, body: body === undefined ? "" : JSON.stringify(body) };
    const answer = await this.#web(this.#request(sent, asker, asker.token ?? ""));
    if (answer === undefined) throw new Error(`nothing answers ${path}`);
    const text = String(answer.body);
    return { status: answer.status, headers: answer.headers, body: text === "" ? {} : JSON.parse(text) };
  }

  #request(sent: Pick<WebRequest, "method" | "url" | "body">, asker: Asker, token: string): WebRequest {
    const { authenticator, authorizer } = this.world.iam;
    return {
      ...sent,
      headers: { "content-type": "application/scim+json; charset=utf-8", ...asker.headers },
      sourceIp: "192.0.2.9",
      requestId: "request-1",
      token,
      signal: new AbortController().signal,
      as: (other) => this.#request(sent, asker, other),
      async permit(kind, verb, inOrg, id, work) {
        const known = token === "" ? callBy(asker.who ?? directory).principal : await authenticator.authenticate(token);
        if (known === undefined) throw new Fault("UNAUTHENTICATED", "a token is needed");
        const path = { org: inOrg, project: "", type: kind.noun, id };
        const { permission } = kind.standard[verb];
        const context = { sourceIp: "192.0.2.9", attributes: async () => ({}) };
        const { allowed } = await authorizer.authorize(known, permission, path, context);
        if (allowed) return work(known, "");
        throw new Fault("PERMISSION_DENIED", `no ${permission}`, { permission });
      },
    };
  }

  patch(path: string, ...Operations: unknown[]): Promise<Answer> {
    return this.scim("PATCH", path, { schemas: [patchSchema], Operations });
  }

  /** Answers the user's id. */
  async makeUser(userName: string, more: Record<string, unknown> = {}): Promise<string> {
    const { status, body } = await this.scim("POST", "/Users", { userName, ...more });
    expect(status).toBe(201);
    return String(body.id);
  }

  close(): Promise<void> {
    return this.world.close();
  }
}

export async function openDirectory(store: Store): Promise<TestDirectory> {
  const world = await openWorld({ store });
  await world.create(admin, "service_account", { orgId: "acme", id: "directory" });
  const actions = ["users", "groups"].map((plural) => ({ action: `iam:${plural}:*` }));
  await world.create(admin, "role", { orgId: "acme", id: "Directory", permissions: actions });
  await world.bind(directory, "Directory", { orgId: "acme" });
  return new TestDirectory(world);
}
