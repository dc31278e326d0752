// What was kept before there was a master key lies readable in the store: the first server that starts with a key seals it. A value under that key then
// tells every later start whether its key is the same one.

import { catalog } from "@photoncloud/proto";
import { IdentityProviderSchema } from "@photoncloud/proto/gen/iam/v1/identity_provider_pb";
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import type { Records, Store } from "../../../store/store.ts";
import type { ResourceCalls } from "../../call.ts";
import { everyRow } from "../every-row.ts";
import type { Sealing } from "./sealing.ts";

/** Spaces of records that are sealed under `{space}/{key}`: signing keys, second factors, logins under way. */
const spaces = ["iam/signing-keys", "iam/factors", "iam/oauth"];
const proof = { space: "iam/master-key", key: "proof" };

export interface PlainValuesParts {
  readonly store: Pick<Store, "records" | "list">;
  readonly sealing: Sealing;
  readonly resources: Pick<ResourceCalls, "again">;
}

/** @throws Error where the store is sealed under another master key, or there is none although it is sealed. */
export async function sealPlainValues(parts: PlainValuesParts): Promise<void> {
  const { sealing, store } = parts;
  const kept = await store.records.get(proof.space, proof.key);
  if (kept !== undefined) return void sealing.open(kept.value, proof.space);
  if (!sealing.seals) return;
  for (const space of spaces) await sealRecords(store.records, sealing, { space, nameOf: (key) => `${space}/${key}` });
  for await (const org of everyRow(store, OrgSchema.typeName, "")) await sealProviders(parts, org.id);
  const value = sealing.seal(new TextEncoder().encode("sealed"), proof.space);
  // Of two first starts one's key is the cloud's.
  if (!(await store.records.put(proof.space, proof.key, value, { expected: 0 }))) await sealPlainValues(parts);
}

/** Seals those of a space that lie readable. Who changes one meanwhile seals it, too. @throws Error where one is sealed under another key. */
async function sealRecords(
  records: Records,
  sealing: Sealing,
  { space, nameOf }: { readonly space: string; readonly nameOf: (key: string) => string },
): Promise<void> {
  for (const { key, value, version, expiresAt } of await records.list(space)) {
    const opened = sealing.open(value, nameOf(key));
    if (!sealing.isPlain(value)) continue;
    const sealed = sealing.seal(opened, nameOf(key));
    await records.put(space, key, sealed, { expected: version, ...(expiresAt !== undefined && { expiresAt }) });
  }
}

/** Admission seals their clients' secrets. */
async function sealProviders({ store, sealing, resources }: PlainValuesParts, org: string): Promise<void> {
  const kind = catalog().byTypeName(IdentityProviderSchema.typeName);
  for await (const { tenant, id, secret } of everyRow(store, IdentityProviderSchema.typeName, org))
    if (kind !== undefined && sealing.isPlain(secret)) await resources.again(kind, tenant, id);
}
