// Identity providers: issuers that say who an org's people are. Whoever chooses one can log in as any of them: so it takes everything in the org.
import { create } from "@bufbuild/protobuf";
import { type IdentityProvider, IdentityProviderSchema } from "@photoncloud/proto/gen/iam/v1/identity_provider_pb";
import { RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { invalidField } from "../../../fault.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { refuseBadIssuer } from "../federation/issuer.ts";
import type { FederationTerms } from "../federation/terms.ts";
import { valueProblem } from "../federation/wildcard.ts";
import { nameById, systemOrg } from "../ids.ts";
import { compileRole } from "../policy/statements.ts";
import type { PolicyWrites } from "../policy-writes.ts";
import type { Sealing } from "../tokens/sealing.ts";

const everything = compileRole(create(RoleSchema, { permissions: [{ action: "*" }] })).statements;
const domainShape = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/;
const scopeShape = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;

/** What a provider's client secret is sealed under. */
export function secretName(org: string, id: string): string {
  return `iam/identity-providers/${org}/${id}`;
}

export function identityProviderKind({ delegation }: PolicyWrites, sealing: Sealing, terms: FederationTerms) {
  return defineKind({
    schema: IdentityProviderSchema,
    uniqueName: "none",
    async admit(admission, next, prior) {
      nameById(next);
      next.usernameClaim ??= "email";
      next.createUsers ??= false;
      next.disabled ??= false;
      refuseBadIssuer(next.issuer, terms);
      refuseBadWords(next);
      // Who is of the cloud's own org may be given everything everywhere.
      const { org } = admission.tenant;
      const scope = { org: org === systemOrg ? "" : org, project: "" };
      await delegation.mustHold(admission.caller, scope, everything, []);
      if (admission.planning) return;
      const secret = next.clientSecret === undefined ? plainOf(prior?.secret, sealing) : encode(next.clientSecret);
      if (secret !== undefined) keep(admission, next.id, secret, sealing);
    },
  });
}

const encode = (secret: string) => new TextEncoder().encode(secret);

function keep(admission: Admission, id: string, secret: Uint8Array, sealing: Sealing): void {
  admission.keepSecret(sealing.seal(secret, secretName(admission.tenant.org, id)));
}

/** What was kept before there was a master key. */
function plainOf(kept: Uint8Array | undefined, sealing: Sealing): Uint8Array | undefined {
  return kept !== undefined && sealing.isPlain(kept) ? sealing.open(kept, "") : undefined;
}

function refuseBadWords({ scopes, allowedEmailDomains, groupRules }: IdentityProvider): void {
  for (const [index, scope] of scopes.entries())
    if (!scopeShape.test(scope))
      throw invalidField(`scopes[${index}]`, "pattern", `${JSON.stringify(scope)} is no scope (RFC 6749, section 3.3)`);
  for (const [index, domain] of allowedEmailDomains.entries())
    if (!domainShape.test(domain))
      throw invalidField(
        `allowed_email_domains[${index}]`,
        "pattern",
        `${JSON.stringify(domain)} is no domain in lower case, like acme.example`,
      );
  for (const [index, { value }] of groupRules.entries()) {
    const problem = valueProblem(value);
    if (problem !== undefined)
      throw invalidField(`group_rules[${index}].value`, "pattern", `${JSON.stringify(value)}: ${problem}`);
  }
}
