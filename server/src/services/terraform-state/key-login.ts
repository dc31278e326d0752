// A service account's login by its key, as IssueToken does it: with its limits, its events and its session.
import { create, isMessage } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  IamTokenService,
  IssueTokenRequestSchema,
  IssueTokenResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/token_pb";
import type { ServiceHandlers } from "../call.ts";
import type { LoginParts } from "./login.ts";

export function keyLogin(services: readonly ServiceHandlers[]): LoginParts["issue"] {
  const issue = services.find(({ service }) => service.typeName === IamTokenService.typeName)?.methods.IssueToken;
  if (issue === undefined) throw new Error("nobody issues tokens");
  const method = `${IamTokenService.typeName}/IssueToken`;
  return async ({ orgId, projectId, principalId, keySecret, ...from }) => {
    const request = create(IssueTokenRequestSchema, {
      orgId,
      projectId,
      principalId,
      credential: { case: "keySecret", value: keySecret },
    });
    const call = { ...from, method, principal: undefined, idempotencyKey: "", waitMs: 0, token: "" };
    const answer = await issue(request, call);
    if (!isMessage(answer, IssueTokenResponseSchema) || answer.expireTime === undefined)
      throw new Error("IssueToken answered no token");
    return { token: answer.token, expiresAt: timestampMs(answer.expireTime) };
  };
}
