// What each example must have made, asked of the cloud by those whom the example is about. Both variants are held to the same.
import { expect } from "@jest/globals";
import { postJson, type TestCloud } from "@photoncloud/server/testing";

type Json = Readonly<Record<string, unknown>>;
/** Terraform's outputs, of all stacks. */
export type Outputs = Readonly<Record<string, unknown>>;

export interface Scenario {
  /** Below examples/, with the variants in the folders hcl and cdktf. */
  readonly folder: string;
  /** Applied by the operator; otherwise by a tenant's own account. */
  readonly operator: boolean;
  readonly look: (people: People, outputs: Outputs) => Promise<void>;
  /** What is applied after that, and what must then be true. */
  readonly afterwards?: {
    /** For the program in CDKTF. */
    readonly env: Readonly<Record<string, string>>;
    /** Variables of the configuration in HCL. */
    readonly variables: Readonly<Record<string, string>>;
    readonly look: (people: People, outputs: Outputs) => Promise<void>;
  };
}

/** Everybody's first password, in every example. */
export const password = "a password for examples";
const denied = (permission: string) => ({ http: 403, message: expect.stringContaining(permission) });

/** Those whom an example made, logged in with the password that it was given. */
export class People {
  readonly #cloud: TestCloud;
  readonly #owner: string;

  /** @param owner The token of who applied it. */
  constructor(cloud: TestCloud, owner: string) {
    this.#cloud = cloud;
    this.#owner = owner;
  }

  async ask(token: string, method: string, body: Json): Promise<Json> {
    const answer = await postJson(this.#cloud.url, method, body, token);
    return { ...answer.body, http: answer.status };
  }

  /** As who applied it. */
  get(method: string, body: Json): Promise<Json> {
    return this.ask(this.#owner, method, body);
  }

  async token(orgId: string, principalId: string): Promise<string> {
    const { token } = await this.ask("", "iam.v1.IamTokenService/IssueToken", { orgId, principalId, password });
    return String(token);
  }

  /** Whether somebody may make a VPC; what is made goes away again. */
  async makeVpc(orgId: string, projectId: string, who: string, cidr = "10.9.0.0/16"): Promise<Json> {
    const token = await this.token(orgId, who);
    const name = `${who}-${Math.random().toString(36).slice(2)}`;
    const made = await this.ask(token, "prismnet.v1.VpcService/CreateVpc", { orgId, projectId, name, cidr });
    const { id } = made;
    if (made.http !== 200) return made;
    await postJson(
      this.#cloud.url,
      "prismnet.v1.VpcService/DeleteVpc",
      { orgId, projectId, id },
      await this.#cloud.adminToken(),
    );
    return made;
  }

  async listVpcs(orgId: string, projectId: string, who: string): Promise<Json> {
    return this.ask(await this.token(orgId, who), "prismnet.v1.VpcService/ListVpcs", { orgId, projectId });
  }

  async may(orgId: string, who: string, action: string, resource: string): Promise<boolean> {
    const answer = await this.ask(await this.token(orgId, who), "iam.v1.IamAuthzService/Authorize", {
      action,
      resource: `org/${orgId}/project/${resource}`,
    });
    return answer.allowed === true;
  }
}

const create = "network:vpcs:create";
const list = "network:vpcs:list";

async function carolIsFrozen(people: People): Promise<void> {
  expect(await people.makeVpc("many-corp", "alpha", "carol")).toMatchObject(denied(create));
  expect(await people.listVpcs("many-corp", "alpha", "carol")).toMatchObject({ http: 200 });
}

async function lookAtPort(people: People, outputs: Outputs, device: Json): Promise<void> {
  const port = await people.get("prismnet.v1.PortService/GetPort", {
    orgId: "tenant-corp",
    projectId: "web",
    id: outputs.port_id,
  });
  expect(port).toMatchObject({ http: 200, ipAddress: "10.0.1.10", macAddress: outputs.mac_address });
  expect({ id: port.deviceId ?? "", type: port.deviceType ?? "" }).toEqual(device);
}

export const scenarios: readonly Scenario[] = [
  {
    folder: "tenant-setup",
    operator: true,
    async look(people) {
      const alice = await people.token("acme-corp", "alice");
      expect(await people.ask(alice, "iam.v1.IamTokenService/WhoAmI", {})).toMatchObject({
        principal: { id: "alice", orgId: "acme-corp", kind: "PRINCIPAL_KIND_USER" },
      });
      expect(await people.makeVpc("acme-corp", "project-beta", "alice")).toMatchObject({ http: 200 });
      const resource = "org/acme-corp/project/project-alpha/vpc";
      const ask = { principal: "service_account:acme-corp/deployer", action: create, resource };
      const answer = await people.ask(alice, "iam.v1.IamAuthzService/Authorize", ask);
      expect(answer).toMatchObject({ allowed: true, roleId: "ProjectMember" });
    },
  },
  {
    folder: "cross-tenant-denial",
    operator: true,
    async look(people, outputs) {
      const bob = await people.token("two-corp", "bob");
      const { "one-corp": id } = outputs.vpc_ids as Readonly<Record<string, string>>;
      const get = (body: Json) => people.ask(bob, "prismnet.v1.VpcService/GetVpc", body);
      const named = await get({ orgId: "one-corp", projectId: "main", id });
      expect(named).toMatchObject(denied("network:vpcs:get"));
      expect(await people.makeVpc("two-corp", "main", "bob")).toMatchObject({ http: 200 });
      // The foreign id in one's own tenant is answered like an id that never was.
      const never = "vpc-00000000000000000000000000";
      const [foreign, missing] = [
        await get({ orgId: "two-corp", projectId: "main", id }),
        await get({ orgId: "two-corp", projectId: "main", id: never }),
      ];
      expect([foreign.http, String(foreign.message).replace(String(id), never)]).toEqual([404, missing.message]);
    },
  },
  {
    folder: "rbac-project-scope",
    operator: true,
    async look(people) {
      for (const who of ["admin-a", "member-a"])
        expect(await people.makeVpc("rbac-corp", "alpha", who)).toMatchObject({ http: 200 });
      expect(await people.makeVpc("rbac-corp", "alpha", "viewer-a")).toMatchObject(denied(create));
      for (const who of ["admin-a", "member-a", "viewer-a"]) {
        expect(await people.listVpcs("rbac-corp", "alpha", who)).toMatchObject({ http: 200 });
        expect(await people.listVpcs("rbac-corp", "beta", who)).toMatchObject(denied(list));
      }
    },
  },
  {
    folder: "hierarchical-scope",
    operator: true,
    async look(people) {
      for (const project of ["alpha", "beta"]) {
        expect(await people.makeVpc("tree-corp", project, "org-admin")).toMatchObject({ http: 200 });
        expect(await people.listVpcs("tree-corp", project, "org-viewer")).toMatchObject({ http: 200 });
        expect(await people.makeVpc("tree-corp", project, "org-viewer")).toMatchObject(denied(create));
      }
      const up = await people.ask(await people.token("tree-corp", "org-admin"), "iam.v1.OrgService/CreateOrg", {
        id: "x",
      });
      expect(up).toMatchObject(denied("iam:orgs:create"));
    },
  },
  {
    folder: "custom-role",
    operator: true,
    async look(people) {
      const may = (action: string, resource: string) => people.may("roles-corp", "operator", action, resource);
      expect(await may("storage:volumes:create", "alpha/volume")).toBe(true);
      expect(await may("storage:buckets:create", "alpha/bucket")).toBe(false);
      expect(await may("compute:images:get", "alpha/image/image-1")).toBe(true);
      expect(await may("compute:images:get", "beta/image/image-1")).toBe(false);
      expect(await may("compute:images:delete", "alpha/image/image-1")).toBe(false);
      expect(await people.makeVpc("roles-corp", "beta", "operator")).toMatchObject({ http: 200 });
    },
  },
  {
    folder: "multiple-role-bindings",
    operator: true,
    async look(people) {
      expect(await people.makeVpc("many-corp", "alpha", "carol")).toMatchObject({ http: 200 });
      expect(await people.listVpcs("many-corp", "beta", "carol")).toMatchObject({ http: 200 });
      expect(await people.makeVpc("many-corp", "beta", "carol")).toMatchObject(denied(create));
    },
    afterwards: { env: { FROZEN: "true" }, variables: { frozen: "true" }, look: carolIsFrozen },
  },
  {
    folder: "port-attachment",
    operator: false,
    look: (people, outputs) => lookAtPort(people, outputs, { id: outputs.vm_id, type: "DEVICE_TYPE_VM" }),
    afterwards: {
      env: { PLUGGED: "false" },
      variables: { plugged: "false" },
      look: (people, outputs) => lookAtPort(people, outputs, { id: "", type: "" }),
    },
  },
  {
    folder: "network-tenant-isolation",
    operator: true,
    async look(people) {
      const vpcsOf = async (orgId: string) => {
        const { vpcs } = await people.get("prismnet.v1.VpcService/ListVpcs", { orgId, projectId: "main" });
        return vpcs as readonly Json[];
      };
      const [north, south] = [await vpcsOf("north-corp"), await vpcsOf("south-corp")];
      const main = { name: "main-vpc", cidr: "10.0.0.0/16", status: { state: "STATE_READY" } };
      expect([north, south]).toMatchObject([[main], [main]]);
      const foreign = { orgId: "south-corp", projectId: "main", id: north[0]?.id };
      expect(await people.get("prismnet.v1.VpcService/GetVpc", foreign)).toMatchObject({ http: 404 });
    },
  },
  {
    folder: "outside",
    operator: false,
    async look(_, { web_address: web, egress_address: egress }) {
      expect([web, egress]).toEqual([
        expect.stringMatching(/^203\.0\.113\.\d+$/),
        expect.stringMatching(/^203\.0\.113\./),
      ]);
      expect(web).not.toBe(egress);
    },
  },
  {
    folder: "quickstart",
    operator: false,
    async look(_, { web_address: web, app_address: app }) {
      const inVpc = expect.stringMatching(/^10\.0\.[01]\.\d+$/);
      expect([web, app]).toEqual([inVpc, inVpc]);
      expect(app).not.toBe(web);
    },
  },
];
