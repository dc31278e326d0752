// Whose invitation a token is, if it is good. Every other token gets the same answer.
import { fromBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Invitation, InvitationSchema } from "@photoncloud/proto/gen/iam/v1/invitation_pb";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { Caller } from "../../kind.ts";
import type { LoginLimiter } from "../tokens/login-limiter.ts";
import { invitedBy, parseInvitation } from "./secret.ts";

export interface OpenParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly limiter: LoginLimiter;
}

export interface GoodInvitation {
  readonly org: string;
  readonly invitation: Invitation;
  /** {kind}:{org}/{id}; "" for the cloud itself. */
  readonly by: string;
}

/** @throws Fault BAD_CREDENTIALS, TOO_MANY_REQUESTS */
export async function openInvitation(parts: OpenParts, token: string, caller: Caller): Promise<GoodInvitation> {
  const place = parseInvitation(token);
  const name = `invitation:${place?.org ?? ""}/${place?.id ?? ""}`;
  const good = await parts.limiter.attempt(caller, name, () => find(parts, token));
  if (good !== undefined) return good;
  throw new Fault(
    "BAD_CREDENTIALS",
    "the invitation is not good: it was accepted, taken back or has expired, or its token is wrong; ask for a new one",
  );
}

async function find({ store, clock }: OpenParts, token: string): Promise<GoodInvitation | undefined> {
  const place = parseInvitation(token);
  if (place === undefined) return undefined;
  const { org, id } = place;
  const row = await store.get({ tenant: { org, project: "" }, kind: InvitationSchema.typeName, id });
  const by = row && invitedBy(row.secret, token);
  if (row === undefined || by === undefined || row.phase !== "live") return undefined;
  const invitation = fromBinary(InvitationSchema, row.data);
  const { acceptedAs } = fromBinary(InvitationSchema, row.observed);
  const expired = invitation.expireTime === undefined || timestampMs(invitation.expireTime) <= clock.now();
  return expired || acceptedAs !== "" ? undefined : { org, invitation, by };
}
