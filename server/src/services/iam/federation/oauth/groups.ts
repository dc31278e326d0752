// Which groups a login brings, by a provider's rules.
import type { IdentityProvider } from "@photoncloud/proto/gen/iam/v1/identity_provider_pb";
import type { JWTPayload } from "jose";
import { fits } from "../wildcard.ts";

/** Entries of a list that are looked at: some directories tell of hundreds of groups. */
const mostEntries = 1_000;

/** The org's groups, as principals name them: "group:acme-corp/operators". */
export function groupsOf(org: string, { groupRules }: IdentityProvider, claims: JWTPayload): readonly string[] {
  const ids = groupRules
    .filter(({ claim, value }) => textsOf(claims[claim]).some((text) => fits(value, text)))
    .flatMap(({ groupIds }) => groupIds);
  return [...new Set(ids)].sort().map((id) => `group:${org}/${id}`);
}

function textsOf(claim: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(claim) ? claim.slice(0, mostEntries) : [claim];
  return values.flatMap((value) =>
    typeof value === "string" ? [value] : typeof value === "boolean" ? [String(value)] : [],
  );
}
