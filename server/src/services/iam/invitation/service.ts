// iam.v1.OrgJoiningService: what a person does with an invitation, without a login.
import { create, isMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { fieldsOf, validate } from "@photoncloud/proto";
import {
  type AcceptInvitationRequest,
  AcceptInvitationRequestSchema,
  AcceptInvitationResponseSchema,
  InvitationSchema,
  OrgJoiningService,
  PreviewInvitationRequestSchema,
  PreviewInvitationResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/invitation_pb";
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { Fault, invalidField } from "../../../fault.ts";
import type { Call, ServiceHandlers } from "../../call.ts";
import type { Caller } from "../../kind.ts";
import { refuse } from "../../resources/mutate.ts";
import { authorOf } from "../../resources/work.ts";
import { accountRules } from "../account/policy.ts";
import { type AcceptParts, give } from "./accept.ts";
import { type GoodInvitation, openInvitation } from "./open.ts";

export function joiningService(parts: AcceptParts): ServiceHandlers {
  return {
    service: OrgJoiningService,
    methods: {
      PreviewInvitation: async (request, call) => {
        if (!isMessage(request, PreviewInvitationRequestSchema)) throw malformed();
        return preview(parts, await openInvitation(parts, request.token, call));
      },
      AcceptInvitation: async (request, call) => {
        if (!isMessage(request, AcceptInvitationRequestSchema)) throw malformed();
        refuse(validate(fieldsOf(AcceptInvitationRequestSchema), request));
        return accept(parts, request, call);
      },
    },
  };
}

function malformed(): Fault {
  return new Fault("MALFORMED_REQUEST", "the request is not the method's own");
}

async function preview(parts: AcceptParts, { org, invitation, by }: GoodInvitation): Promise<Message> {
  const row = await parts.store.get({ tenant: { org: "", project: "" }, kind: OrgSchema.typeName, id: org });
  const { minPasswordLength, mfaRequired } = await accountRules(parts.store, org);
  const { email = "", userId = "", roles, groupIds, expireTime } = invitation;
  return create(PreviewInvitationResponseSchema, {
    orgId: org,
    orgName: row?.name ?? org,
    invitedBy: by,
    email,
    userId,
    roles,
    groupIds,
    ...(expireTime && { expireTime }),
    minPasswordLength,
    mfaRequired,
  });
}

async function accept(parts: AcceptParts, request: AcceptInvitationRequest, call: Call): Promise<Message> {
  const good = await openInvitation(parts, request.token, call);
  const wanted = good.invitation.userId ?? request.userId;
  if (wanted === "")
    throw invalidField("user_id", "required", "it is missing; choose an id, for example your first name");
  if (request.userId !== "" && request.userId !== wanted)
    throw invalidField("user_id", "fixed", `the invitation is for ${JSON.stringify(wanted)}; leave it out`);
  await give(parts, good, { id: wanted, name: request.name, password: request.password }, call);
  await noteAccepted(parts, good, wanted, call);
  return create(AcceptInvitationResponseSchema, { orgId: good.org, userId: wanted });
}

async function noteAccepted(
  { store }: AcceptParts,
  { org, invitation }: GoodInvitation,
  acceptedAs: string,
  caller: Caller,
) {
  const key = { tenant: { org, project: "" }, kind: InvitationSchema.typeName, id: invitation.id };
  await store.transact(async (tx) => {
    const observed = create(InvitationSchema, { acceptedAs, acceptTime: timestampFromMs(tx.now) });
    const row = await tx.get(key);
    if (row === undefined) return;
    const bytes = toBinary(InvitationSchema, observed);
    tx.observe(key, bytes);
    const credential = `invitation:${invitation.id}`;
    const by = { ...authorOf(caller), actor: `user:${org}/${acceptedAs}`, sessionId: "", credential, permission: "" };
    const resource = Buffer.concat([row.data, bytes]);
    tx.append({ ...key, ...by, type: "observed", version: row.version, resource });
  });
}
