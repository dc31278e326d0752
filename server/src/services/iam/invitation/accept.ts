// Makes the user that an invitation is for, in the name of the one who invites: so all that it gives is checked against what that one holds now.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import type { Catalog, StandardVerb } from "@photoncloud/proto";
import { GroupSchema, UpdateGroupRequestSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import { GetRequestSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { Fault } from "../../../fault.ts";
import type { Authorizer, Call, ResourceCalls } from "../../call.ts";
import { parsePrincipalName } from "../principal-name.ts";
import { principalKey, principalState } from "../principals.ts";
import { mayGive } from "./gifts.ts";
import type { GoodInvitation, OpenParts } from "./open.ts";

export interface AcceptParts extends OpenParts {
  readonly catalog: Catalog;
  readonly authorizer: Authorizer;
  readonly resources: () => ResourceCalls;
}

/** Who accepts. */
export interface Newcomer {
  readonly id: string;
  readonly name: string;
  readonly password: string;
}

const space = "iam/invitations";
/** Writers of one group that meet try again. */
const mostTries = 5;

/** @throws Fault INVALID_FIELDS, ALREADY_EXISTS (the id), BAD_CREDENTIALS (someone else was faster), WRONG_STATE (the one who invites may no longer) */
export async function give(parts: AcceptParts, good: GoodInvitation, newcomer: Newcomer, call: Call): Promise<void> {
  const inviter = await inviterOf(parts, good, call);
  await mayGive(parts.authorizer, inviter, good.org, good.invitation).catch(outdated);
  await claim(parts, good, newcomer.id);
  await makeUser(parts, good, newcomer, inviter);
  await bind(parts, good, newcomer.id, inviter).catch(outdated);
}

/** The call as if the one who invites made it: at what was accepted, never with what its tokens were narrowed to or to what they were widened. */
async function inviterOf({ store }: AcceptParts, { by, invitation }: GoodInvitation, call: Call): Promise<Call> {
  const own: Call = { ...call, principal: undefined, idempotencyKey: "", waitMs: 0, token: "" };
  if (by === "") return own;
  const identity = parsePrincipalName(by);
  const row = identity && (await store.get(principalKey(identity)));
  const active = identity !== undefined && row !== undefined && principalState(identity.kind, row).active;
  if (!active) throw gone();
  const credential = `invitation:${invitation.id}`;
  return { ...own, principal: { ...identity, project: "", sessionId: "", credential } };
}

function gone(cause?: unknown): Fault {
  return new Fault("WRONG_STATE", "who invited you can't give any more what the invitation gives; ask for a new one", {
    cause,
  });
}

/** What the inviter lacks is none of the newcomer's business. */
function outdated(error: unknown): never {
  const reasons: readonly string[] = ["PERMISSION_DENIED", "INVALID_FIELDS", "NOT_FOUND"];
  throw error instanceof Fault && reasons.includes(error.reason) ? gone(error) : error;
}

/** The first who accepts decides the id; after a crash on the way the same one goes on. */
async function claim({ store, clock }: AcceptParts, { org, invitation }: GoodInvitation, id: string): Promise<void> {
  const key = `${org}/${invitation.id}`;
  const value = new TextEncoder().encode(id);
  const expiresAt = clock.now() + 31 * 24 * 3_600_000;
  if (await store.records.put(space, key, value, { expected: 0, expiresAt })) return;
  const taken = await store.records.get(space, key);
  if (taken !== undefined && new TextDecoder().decode(taken.value) === id) return;
  throw new Fault("BAD_CREDENTIALS", "the invitation is being accepted under another id");
}

async function makeUser(parts: AcceptParts, good: GoodInvitation, newcomer: Newcomer, inviter: Call): Promise<void> {
  const { org, invitation } = good;
  const { email } = invitation;
  const user = create(UserSchema, { orgId: org, ...newcomer, ...(email !== undefined && { email }) });
  const key = `invitation-${invitation.id}-${newcomer.id}`;
  try {
    await unary(parts, UserSchema.typeName, "create", user, { ...inviter, idempotencyKey: key });
  } catch (error) {
    await parts.store.records.delete(space, `${org}/${invitation.id}`);
    throw error instanceof Fault && error.reason === "PERMISSION_DENIED" ? gone(error) : error;
  }
}

async function bind(parts: AcceptParts, { org, invitation }: GoodInvitation, id: string, inviter: Call): Promise<void> {
  const principal = `user:${org}/${id}`;
  for (const [index, { roleId, projectId }] of invitation.roles.entries()) {
    const binding = create(RoleBindingSchema, { orgId: org, projectId, principal, roleId });
    const idempotencyKey = `invitation-${invitation.id}-${id}-${index}`;
    await unary(parts, RoleBindingSchema.typeName, "create", binding, { ...inviter, idempotencyKey });
  }
  for (const groupId of invitation.groupIds) await join(parts, { org, groupId, principal }, inviter);
}

interface Membership {
  readonly org: string;
  readonly groupId: string;
  readonly principal: string;
}

async function join(parts: AcceptParts, { org, groupId, principal }: Membership, inviter: Call): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const request = create(GetRequestSchema, { orgId: org, id: groupId });
    const group = await unary(parts, GroupSchema.typeName, "get", request, inviter);
    if (!isMessage(group, GroupSchema) || group.members.includes(principal)) return;
    const update = create(UpdateGroupRequestSchema, {
      orgId: org,
      id: groupId,
      etag: group.etag,
      group: create(GroupSchema, { members: [...group.members, principal] }),
      updateMask: create(FieldMaskSchema, { paths: ["members"] }),
    });
    try {
      await unary(parts, GroupSchema.typeName, "update", update, inviter);
      return;
    } catch (error) {
      if (!(error instanceof Fault && error.reason === "STALE_ETAG" && tries < mostTries)) throw error;
    }
  }
}

function unary(
  parts: AcceptParts,
  typeName: string,
  verb: Exclude<StandardVerb, "watch">,
  request: Message,
  call: Call,
): Promise<Message> {
  const kind = parts.catalog.byTypeName(typeName);
  if (kind === undefined) throw new Error(`the catalog lacks ${typeName}`);
  return parts.resources().unary(kind, verb, request, call);
}
