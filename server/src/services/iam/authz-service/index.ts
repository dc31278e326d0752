// iam.v1.IamAuthzService: answers who may do what, and why.
import { create, isMessage } from "@bufbuild/protobuf";
import type { Catalog } from "@photoncloud/proto";
import {
  AuthorizeRequestSchema,
  AuthorizeResponseSchema,
  IamAuthzService,
} from "@photoncloud/proto/gen/iam/v1/authz_pb";
import type { Clock } from "../../../clock.ts";
import type { Authorizer, ServiceHandlers } from "../../call.ts";
import type { Policies } from "../policy/policies.ts";
import type { Uses } from "../policy/uses.ts";
import { malformed } from "./asking.ts";
import { authorize } from "./authorize.ts";
import { explain } from "./explain.ts";
import { nounsByPermission, testPermissions } from "./test-permissions.ts";
import { listUnused } from "./unused.ts";
import { whoCan } from "./who-can.ts";

export interface AuthzParts {
  readonly authorizer: Authorizer;
  readonly policies: Policies;
  readonly uses: Pick<Uses, "through" | "since">;
  readonly catalog: Catalog;
  readonly clock: Clock;
}

export function authzService(parts: AuthzParts): ServiceHandlers {
  const { authorizer, catalog } = parts;
  const nounOf = nounsByPermission(catalog);
  return {
    service: IamAuthzService,
    methods: {
      Authorize: async (request, call) => {
        if (!isMessage(request, AuthorizeRequestSchema)) throw malformed();
        return create(AuthorizeResponseSchema, await authorize(authorizer, request, call));
      },
      TestPermissions: async (request, call) => testPermissions(authorizer, nounOf, request, call),
      Explain: (request, call) => explain(parts, request, call),
      WhoCan: (request, call) => whoCan(parts, request, call),
      ListUnusedPermissions: (request) => listUnused(parts, request),
    },
  };
}
