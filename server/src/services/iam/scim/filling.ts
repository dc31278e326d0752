// What directories look for is found by claims. Accounts of a cloud that began before there were such claims get theirs at the next start; until all
// have them, nobody is looked up by them: a directory that misses somebody makes them a second time.
import { fromBinary } from "@bufbuild/protobuf";
import { catalog } from "@photoncloud/proto";
import { GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import type { ResourceRow, Store } from "../../../store/store.ts";
import type { ResourceCalls } from "../../call.ts";
import { everyRow } from "../every-row.ts";
import { idsOfSought, type Sought } from "../external-ids.ts";
import { foldUserName } from "../federation/user-link.ts";

const space = "iam/sought";
const record = "filled";

export interface FillingParts {
  readonly store: Store;
  readonly resources: () => Pick<ResourceCalls, "again">;
  failed(error: unknown): void;
}

export class Filling {
  readonly #parts: FillingParts;
  readonly #stopping = new AbortController();
  #isFilled = false;
  #running: Promise<void> | undefined;

  constructor(parts: FillingParts) {
    this.#parts = parts;
  }

  /** Whether whatever is looked for is found by its claim. */
  readonly isFilled = async (): Promise<boolean> => {
    this.#isFilled ||= (await this.#parts.store.records.get(space, record)) !== undefined;
    return this.#isFilled;
  };

  /** Fills in what lacks, beside everything else. What fails is done at the next start. */
  start(): void {
    this.#running ??= this.run().catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) this.#parts.failed(error);
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async run(): Promise<void> {
    if (await this.isFilled()) return;
    const { store } = this.#parts;
    for await (const { id: org } of everyRow(store, OrgSchema.typeName, "")) {
      for await (const user of everyRow(store, UserSchema.typeName, org)) await this.#fill(user, ofUser(user));
      for await (const group of everyRow(store, GroupSchema.typeName, org)) await this.#fill(group, ofGroup(group));
    }
    await this.note();
  }

  /** Notes that nothing lacks: of a new cloud, that nothing ever will. */
  async note(): Promise<void> {
    await this.#parts.store.records.put(space, record, Uint8Array.of(1), {});
  }

  async #fill({ kind: typeName, tenant, id }: ResourceRow, sought: readonly Sought[]): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    const { store, resources } = this.#parts;
    const found = await Promise.all(sought.map((one) => idsOfSought(store, one)));
    if (found.every((ids) => ids.includes(id))) return;
    const kind = catalog().byTypeName(typeName);
    if (kind !== undefined) await resources().again(kind, tenant, id);
  }
}

function ofUser({ data, tenant: { org }, kind }: ResourceRow): readonly Sought[] {
  const { externalId = "" } = fromBinary(UserSchema, data);
  return externalId === "" ? [] : [{ org, kind, field: "external_id", value: externalId }];
}

function ofGroup({ data, tenant: { org }, kind }: ResourceRow): readonly Sought[] {
  const { externalId = "", name } = fromBinary(GroupSchema, data);
  const external = { org, kind, field: "external_id", value: externalId } as const;
  return [{ org, kind, field: "name", value: foldUserName(name) }, ...(externalId === "" ? [] : [external])];
}
