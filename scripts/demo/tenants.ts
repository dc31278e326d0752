// The demo's two customers: one that deploys, and one that must not see what the first has.
import { PhotonCloud } from "@photoncloud/sdk";
import type { Administrator } from "./server.ts";

/** An org with a project and a service account in it that may do everything in the project. */
export interface Customer {
  readonly org: string;
  readonly project: string;
  readonly principalId: string;
  readonly keySecret: string;
}

/** Creates an org, a project, a service account with a key, and gives the account the project. */
export async function createCustomer(administrator: Administrator, org: string, project: string): Promise<Customer> {
  const { endpoint, org_id, principal_id, password } = administrator;
  const cloud = new PhotonCloud({ endpoint, org: org_id, credentials: { principalId: principal_id, password } });
  await cloud.orgs.create({ id: org });
  await cloud.projects.create({ orgId: org, id: project });
  await cloud.serviceAccounts.create({ orgId: org, id: "deployer" });
  await cloud.roleBindings.create({
    orgId: org,
    projectId: project,
    principal: `service_account:${org}/deployer`,
    roleId: "ProjectAdmin",
  });
  const key = await cloud.serviceAccountKeys.create({ orgId: org, serviceAccountId: "deployer" });
  return { org, project, principalId: "deployer", keySecret: key.secret };
}

/** A customer's own client. */
export function clientOf(administrator: Administrator, customer: Customer): PhotonCloud {
  const { org, project, principalId, keySecret } = customer;
  return new PhotonCloud({ endpoint: administrator.endpoint, org, project, credentials: { principalId, keySecret } });
}
