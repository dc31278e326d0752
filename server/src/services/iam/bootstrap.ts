// The first start: the org of the cloud's own administrators, its first user, and that user's right to everything.
// Safe with many servers that start at once, and after a crash at any point: until the password was announced, it is set again.
import { create, type Message } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import type { Catalog } from "@photoncloud/proto";
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { UpdateUserRequestSchema, UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../fault.ts";
import type { Store } from "../../store/store.ts";
import type { Call, ResourceCalls } from "../call.ts";
import { sealedAdmin } from "./break-glass/state.ts";
import { seedRoles } from "./built-in-roles.ts";
import { systemOrg } from "./ids.ts";
import { principalName } from "./principal-name.ts";

/** The first administrator: the user "admin" of the org "system". */
export const firstAdmin = "admin";
/** 144 bits, 24 characters. */
const passwordBytes = 18;
const space = "iam/bootstrap";
const record = "admin";
/** How long one server may take before another does it again. */
const turnMs = 30_000;
const againMs = 100;

export interface BootstrapParts {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly resources: ResourceCalls;
  /** The first administrator's password; left out: one is drawn. At least 12 characters. */
  readonly password?: string | undefined;
  /** Told the password before the first start counts as done; if it throws, or the process dies, the next start sets a new one. */
  readonly announce?: ((password: string) => Promise<void> | void) | undefined;
}

export interface Bootstrapped {
  /** Whether this call made the first administrator. */
  readonly created: boolean;
  /** Its password, where it was made by this call. */
  readonly password?: string;
}

export async function bootstrap(parts: BootstrapParts): Promise<Bootstrapped> {
  await seedRoles(parts.store, parts.catalog);
  const bootstrapped = await makeFirst(parts);
  await makeSealed(parts);
  return bootstrapped;
}

/** The sealed administrator, who has no credential. A cloud that began before there was one gets it at its next start. */
async function makeSealed(parts: BootstrapParts): Promise<void> {
  const { id, org } = sealedAdmin;
  await make(parts, "iam.v1.User", create(UserSchema, { id, orgId: org, name: "Sealed administrator" }));
  const principal = principalName(sealedAdmin);
  const binding = create(RoleBindingSchema, { name: "sealed-admin", principal, roleId: "SystemAdmin" });
  await make(parts, "iam.v1.RoleBinding", binding);
}

async function makeFirst(parts: BootstrapParts): Promise<Bootstrapped> {
  const { store, clock } = parts;
  for (;;) {
    const state = await store.records.get(space, record);
    if (state !== undefined && new TextDecoder().decode(state.value) === "done") return { created: false };
    if (state === undefined && (await takeTurn(parts))) return makeAdmin(parts);
    await clock.sleep(againMs);
  }
}

/** One server does it; the record goes by itself if that server dies. */
function takeTurn({ store, clock }: BootstrapParts): Promise<boolean> {
  const value = new TextEncoder().encode("under way");
  return store.records.put(space, record, value, { expected: 0, expiresAt: clock.now() + turnMs });
}

async function makeAdmin(parts: BootstrapParts): Promise<Bootstrapped> {
  const password = parts.password ?? Buffer.from(parts.random(passwordBytes)).toString("base64url");
  try {
    await make(parts, "iam.v1.Org", create(OrgSchema, { id: systemOrg, name: "System" }));
    const user = create(UserSchema, { id: firstAdmin, orgId: systemOrg, name: "Administrator", password });
    if (!(await make(parts, "iam.v1.User", user))) await setPassword(parts, password);
    const principal = `user:${systemOrg}/${firstAdmin}`;
    const binding = create(RoleBindingSchema, { name: "first-admin", principal, roleId: "SystemAdmin" });
    await make(parts, "iam.v1.RoleBinding", binding);
    await parts.announce?.(password);
  } catch (error) {
    await parts.store.records.delete(space, record);
    throw error;
  }
  await parts.store.records.put(space, record, new TextEncoder().encode("done"), {});
  return { created: true, password };
}

/** Makes a resource in the cloud's own name. Answers false if it is there already. */
async function make(parts: BootstrapParts, typeName: string, message: Message): Promise<boolean> {
  try {
    await parts.resources.unary(kindOf(parts, typeName), "create", message, cloudsOwn());
    return true;
  } catch (error) {
    if (error instanceof Fault && error.reason === "ALREADY_EXISTS") return false;
    throw error;
  }
}

async function setPassword(parts: BootstrapParts, password: string): Promise<void> {
  const request = create(UpdateUserRequestSchema, {
    orgId: systemOrg,
    id: firstAdmin,
    user: create(UserSchema, { password }),
    updateMask: create(FieldMaskSchema, { paths: ["password"] }),
  });
  await parts.resources.unary(kindOf(parts, "iam.v1.User"), "update", request, cloudsOwn());
}

function kindOf({ catalog }: BootstrapParts, typeName: string) {
  const kind = catalog.byTypeName(typeName);
  if (kind === undefined) throw new Error(`the catalog lacks ${typeName}`);
  return kind;
}

function cloudsOwn(): Call {
  const nobody = { principal: undefined, sourceIp: "", requestId: "bootstrap", method: "bootstrap", token: "" };
  return { ...nobody, idempotencyKey: "", waitMs: 0, signal: new AbortController().signal };
}
