// Tenants of a test cloud, made by the calls that any administrator would make.

/** A project with a service account that administers it. */
export interface TestTenant {
  readonly orgId: string;
  readonly projectId: string;
  readonly serviceAccountId: string;
  readonly keySecret: string;
  /** A bearer token of the service account for the project. */
  readonly token: string;
}

/** Someone who logs in. */
export interface Login {
  readonly orgId: string;
  readonly principalId: string;
  readonly projectId?: string;
  readonly password?: string;
  readonly keySecret?: string;
}

export interface JsonAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Calls a method in JSON: `postJson(url, "prismnet.v1.VpcService/GetVpc", { id }, token)`. */
export async function postJson(url: string, method: string, body: unknown, token = ""): Promise<JsonAnswer> {
  const response = await fetch(`${url}/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token !== "" && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
}

function textIn({ body }: JsonAnswer, field: string): string {
  const value = body[field];
  if (typeof value !== "string") throw new Error(`the answer has no ${field}: ${JSON.stringify(body)}`);
  return value;
}

/** @throws Error with the answer if the call fails. */
async function must(url: string, method: string, body: unknown, token = ""): Promise<JsonAnswer> {
  const answer = await postJson(url, method, body, token);
  if (answer.status !== 200) throw new Error(`${method} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer;
}

export async function issueToken(url: string, login: Login): Promise<string> {
  return textIn(await must(url, "iam.v1.IamTokenService/IssueToken", login), "token");
}

/** Creates something that may be there already. */
async function ensure(url: string, method: string, body: unknown, token: string): Promise<void> {
  const answer = await postJson(url, method, body, token);
  if (answer.status !== 200 && answer.body.code !== "already_exists")
    throw new Error(`${method} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
}

/** See TestCloud.tenant. */
export async function createTenant(url: string, admin: string, orgId: string, projectId: string): Promise<TestTenant> {
  await ensure(url, "iam.v1.OrgService/CreateOrg", { id: orgId }, admin);
  await ensure(url, "iam.v1.ProjectService/CreateProject", { orgId, id: projectId }, admin);
  const account = await must(url, "iam.v1.ServiceAccountService/CreateServiceAccount", { orgId }, admin);
  const serviceAccountId = textIn(account, "id");
  const key = { orgId, name: "first", serviceAccountId };
  const [made] = await Promise.all([
    must(url, "iam.v1.ServiceAccountKeyService/CreateServiceAccountKey", key, admin),
    must(url, "iam.v1.RoleBindingService/CreateRoleBinding", binding(orgId, projectId, serviceAccountId), admin),
  ]);
  const keySecret = textIn(made, "secret");
  const token = await issueToken(url, { orgId, projectId, principalId: serviceAccountId, keySecret });
  return { orgId, projectId, serviceAccountId, keySecret, token };
}

function binding(orgId: string, projectId: string, serviceAccountId: string) {
  const principal = `service_account:${orgId}/${serviceAccountId}`;
  return { orgId, projectId, name: `${serviceAccountId}-admin`, principal, roleId: "ProjectAdmin" };
}
