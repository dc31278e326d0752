// An invitation's token: where the invitation is, and 256 random bits of which a hash is kept, beside who invites.
import { hashSecret, sameHash } from "../credentials/key-secret.ts";

const prefix = "pci_";
/** 256 bits. */
export const invitationBytes = 32;

export interface InvitationPlace {
  readonly org: string;
  readonly id: string;
}

export function formatInvitation({ org, id }: InvitationPlace, random: Uint8Array): string {
  return `${prefix}${Buffer.from(`${org}/${id}`).toString("base64url")}.${Buffer.from(random).toString("base64url")}`;
}

/** Reads a token; undefined where it is not of that shape. */
export function parseInvitation(token: string): InvitationPlace | undefined {
  if (!token.startsWith(prefix) || token.length > 512) return undefined;
  const [place = ""] = token.slice(prefix.length).split(".");
  const [, org, id] = /^([a-z0-9-]{1,63})\/([a-z0-9-]{1,63})$/.exec(Buffer.from(place, "base64url").toString()) ?? [];
  return org === undefined || id === undefined ? undefined : { org, id };
}

/** What is kept of it. `by`: who invites, as {kind}:{org}/{id}; "" for the cloud itself. */
export function keptInvitation(token: string, by: string): Uint8Array {
  return Buffer.concat([hashSecret(token), Buffer.from(by)]);
}

/** Who invites, where the token is the one that was kept. */
export function invitedBy(kept: Uint8Array, token: string): string | undefined {
  return sameHash(kept.subarray(0, 32), hashSecret(token)) ? Buffer.from(kept.subarray(32)).toString() : undefined;
}
