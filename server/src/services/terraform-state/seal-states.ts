// States that were kept before there was a master key are sealed once there is one, beside everything else.
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { ProjectSchema } from "@photoncloud/proto/gen/iam/v1/project_pb";
import type { Store } from "../../store/store.ts";
import { everyRow } from "../iam/every-row.ts";
import type { Sealing } from "../iam/tokens/sealing.ts";
import type { States } from "./states.ts";

const done = { space: "terraform/sealing", key: "done" };

export interface SealStatesParts {
  readonly store: Pick<Store, "records" | "list">;
  readonly sealing: Sealing;
  readonly states: Pick<States, "sealPlain">;
}

/** What fails is done at the next start. */
export async function sealStates({ store, sealing, states }: SealStatesParts): Promise<void> {
  if (!sealing.seals || (await store.records.get(done.space, done.key)) !== undefined) return;
  for await (const { id: org } of everyRow(store, OrgSchema.typeName, ""))
    for await (const { id: project } of everyRow(store, ProjectSchema.typeName, org))
      await states.sealPlain({ org, project });
  await store.records.put(done.space, done.key, Uint8Array.of(1), {});
}
