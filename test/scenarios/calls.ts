// Calls of the network and VM scenarios: what the platform's callers send, over plain HTTP.
import { setTimeout as wait } from "node:timers/promises";
import { expect } from "@jest/globals";
import { postJson, type TestTenant } from "@photoncloud/server/testing";

export type Json = Readonly<Record<string, unknown>>;

/** How long a resource may take to settle, in milliseconds; simulated backends take a few. */
const usualPatienceMs = 20_000;
/** Between two looks at it, in milliseconds: a guest that is waited for wants the processor itself. */
const betweenLooksMs = 20;

/** The kinds of the scenarios with their services. */
export const services = {
  Vpc: "prismnet.v1.VpcService",
  Subnet: "prismnet.v1.SubnetService",
  SecurityGroup: "prismnet.v1.SecurityGroupService",
  Port: "prismnet.v1.PortService",
  Vm: "plasmavmc.v1.VmService",
} as const;
export type KindName = keyof typeof services;
export const kindNames: readonly KindName[] = ["Vpc", "Subnet", "SecurityGroup", "Port", "Vm"];

/** One tenant's hands. */
export class Hands {
  readonly tenant: TestTenant;
  readonly #url: string;
  readonly #patienceMs: number;

  constructor(url: string, tenant: TestTenant, patienceMs = usualPatienceMs) {
    this.#url = url;
    this.tenant = tenant;
    this.#patienceMs = patienceMs;
  }

  /** Calls a method in this tenant, with the path of its service where it is another than the kind's own. */
  call(kind: KindName, method: string, body: Json = {}, service: string = services[kind]) {
    const scope = { org_id: this.tenant.orgId, project_id: this.tenant.projectId };
    return postJson(this.#url, `${service}/${method}`, { ...scope, ...body }, this.tenant.token);
  }

  async must(kind: KindName, method: string, body: Json = {}): Promise<Json> {
    const answer = await this.call(kind, method, body);
    expect({ method, ...answer }).toMatchObject({ method, status: 200 });
    return answer.body;
  }

  create(kind: KindName, body: Json): Promise<Json & { readonly id: string }> {
    return this.must(kind, `Create${kind}`, body).then((made) => ({ ...made, id: String(made.id) }));
  }

  get(kind: KindName, id: string): Promise<Json> {
    return this.must(kind, `Get${kind}`, { id });
  }

  /** Asks again until the resource is as it should be. @throws Error with what was seen last. */
  async until(kind: KindName, id: string, is: (resource: Json, status: number) => boolean): Promise<Json> {
    const deadline = Date.now() + this.#patienceMs;
    for (;;) {
      const { status, body } = await this.call(kind, `Get${kind}`, { id });
      if (is(body, status)) return body;
      if (Date.now() > deadline) throw new Error(`${kind} ${id} stayed ${status} ${JSON.stringify(body)}`);
      await wait(betweenLooksMs);
    }
  }

  ready(kind: KindName, id: string): Promise<Json> {
    return this.until(kind, id, ({ status }) => isRecord(status) && status.state === "STATE_READY");
  }

  async remove(kind: KindName, id: string): Promise<void> {
    await this.must(kind, `Delete${kind}`, { id });
    await this.until(kind, id, (_, status) => status === 404);
  }
}

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}
