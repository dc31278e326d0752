// The methods of iam.v1.IamTokenService that speak with other issuers and other systems.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  ExchangeTokenRequestSchema,
  ExchangeTokenResponseSchema,
  IssueIdentityTokenRequestSchema,
  IssueIdentityTokenResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/token_pb";
import { Fault, invalidField } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { ServiceHandlers } from "../../call.ts";
import { appendAudit } from "../../events/audit.ts";
import { unauthenticated } from "../tokens/access-token.ts";
import { type Exchange, tokenTypes } from "./exchange.ts";
import { type IdentityTokenParts, identityToken } from "./identity-token.ts";

const subjectTypes: readonly string[] = ["", tokenTypes.jwt, tokenTypes.idToken];

export function federationMethods(
  exchange: Exchange,
  identity: IdentityTokenParts & { readonly store: Store },
): ServiceHandlers["methods"] {
  return {
    async ExchangeToken(request, call): Promise<Message> {
      if (!isMessage(request, ExchangeTokenRequestSchema)) throw malformed();
      const { orgId: org, principalId, projectId: project, subjectToken, subjectTokenType } = request;
      if (!subjectTypes.includes(subjectTokenType))
        throw invalidField(
          "subject_token_type",
          "enum",
          `${JSON.stringify(subjectTokenType.slice(0, 128))} is not taken; give ${tokenTypes.idToken} or ${tokenTypes.jwt}`,
        );
      const tokens = await exchange.exchange({ org, principalId, project, subjectToken, subjectTokenType }, call);
      const expireTime = timestampFromMs(tokens.expiresAt);
      return create(ExchangeTokenResponseSchema, { token: tokens.token, expireTime });
    },
    async IssueIdentityToken(request, call): Promise<Message> {
      if (!isMessage(request, IssueIdentityTokenRequestSchema)) throw malformed();
      if (call.principal === undefined) throw unauthenticated();
      const { token, expiresAt } = await identityToken(identity, call.principal, request.audience);
      const { org, project } = call.principal;
      await appendAudit(identity.store, { type: "accessed", tenant: { org, project }, caller: call });
      return create(IssueIdentityTokenResponseSchema, { token, expireTime: timestampFromMs(expiresAt) });
    },
  };
}

function malformed(): Fault {
  return new Fault("MALFORMED_REQUEST", "the request is not the method's own");
}
