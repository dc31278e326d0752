// What the log tells IAM: which rows to read again, and whose sessions to look at again.
import { fromBinary } from "@bufbuild/protobuf";
import { FederatedCredentialSchema } from "@photoncloud/proto/gen/iam/v1/federated_credential_pb";
import { IdentityProviderSchema } from "@photoncloud/proto/gen/iam/v1/identity_provider_pb";
import { ServiceAccountKeySchema } from "@photoncloud/proto/gen/iam/v1/service_account_key_pb";
import type { StoredEvent } from "../../store/store.ts";
import type { ScopeIndex } from "./policy/scope-index.ts";
import { identityOf } from "./principals.ts";
import { parseSessionEventId, sessionKind } from "./tokens/session-life.ts";
import type { Sessions } from "./tokens/sessions.ts";

export function heed(index: ScopeIndex, sessions: Sessions): (event: StoredEvent) => Promise<void> {
  return async (event) => {
    const { tenant, kind, id, type } = event;
    // What only tells of a refusal, a login or a look changes nothing.
    if (type === "denied" || type === "login" || type === "login_failed" || type === "accessed") return;
    const identity = identityOf({ tenant, kind, id });
    if (kind === sessionKind) sessionEnded(event, sessions);
    else if (identity !== undefined) {
      await sessions.changed(identity);
      // Its boundary may be another.
      await index.refresh({ tenant, kind, id });
    } else if (kind === ServiceAccountKeySchema.typeName) await keyChanged(event, sessions);
    else if (kind === IdentityProviderSchema.typeName) await sessions.allChanged();
    else if (kind === FederatedCredentialSchema.typeName) await trustChanged(event, sessions);
    else await index.refresh({ tenant, kind, id });
  };
}

function sessionEnded(event: StoredEvent, sessions: Sessions): void {
  const named = parseSessionEventId(event.id);
  if (named !== undefined) sessions.ended(named.identity, named.sessionId);
}

async function keyChanged(event: StoredEvent, sessions: Sessions): Promise<void> {
  const { serviceAccountId } = fromBinary(ServiceAccountKeySchema, event.resource);
  await sessions.changed({ kind: "service_account", org: event.tenant.org, id: serviceAccountId });
}

async function trustChanged(event: StoredEvent, sessions: Sessions): Promise<void> {
  const { serviceAccountId } = fromBinary(FederatedCredentialSchema, event.resource);
  await sessions.changed({ kind: "service_account", org: event.tenant.org, id: serviceAccountId });
}
