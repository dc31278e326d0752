// What a login may name beside its principal.
import { ProjectSchema } from "@photoncloud/proto/gen/iam/v1/project_pb";
import { invalidField } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";

/** Characters of an id; none has more. What is tried is remembered by its name, and strangers must not fill the memory. */
const longestId = 128;

/** @throws Fault INVALID_FIELDS for an id that is too long, or missing (but the project's). */
export function refuseLongIds(ids: Readonly<Record<string, string>>): void {
  for (const [path, id] of Object.entries(ids)) {
    if (id.length > longestId)
      throw invalidField(path, "size", `it has ${id.length} characters; no id has more than 63`);
    if (id === "" && path !== "project_id") throw invalidField(path, "required", "it is missing");
  }
}

/** @throws Fault INVALID_FIELDS if an org lacks the project. */
export async function refuseUnknownProject(store: Pick<Store, "get">, org: string, id: string): Promise<void> {
  if (id === "") return;
  const row = await store.get({ tenant: { org, project: "" }, kind: ProjectSchema.typeName, id });
  if (row?.phase === "live") return;
  throw invalidField("project_id", "unknown_reference", `there is no project ${JSON.stringify(id)} in the org`);
}
