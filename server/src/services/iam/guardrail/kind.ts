// Guardrails: what nobody does in a scope, whatever they were given. Their permission is a distinct one, which administrators of orgs and projects do
// not have: so nobody is above the guardrails of the scope that they administer.
import { GuardrailSchema } from "@photoncloud/proto/gen/iam/v1/guardrail_pb";
import { defineKind } from "../../kind.ts";
import { nameById } from "../ids.ts";
import { referToHolder } from "../policy/holders.ts";
import { refuseBadStatements } from "../policy/problems.ts";
import type { PolicyWrites } from "../policy-writes.ts";

export function guardrailKind({ access, delegation }: PolicyWrites) {
  return defineKind({
    schema: GuardrailSchema,
    uniqueName: "none",
    async admit(admission, next) {
      nameById(next);
      refuseBadStatements("statements", next.statements);
      for (const [index, name] of next.exemptPrincipals.entries())
        await referToHolder(admission, delegation, name, `exempt_principals[${index}]`);
    },
    access: (tenant, next, prior) => access.ofGuardrail(tenant, next, prior),
  });
}
