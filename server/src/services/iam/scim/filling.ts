// What directories look for is found by claims. Accounts of a cloud that began before there were such claims get theirs at the next start; until all
// have them, nobody is looked up by them: a directory that misses somebody makes them a second time.
import { fromBinary } from "@bufbuild/protobuf";
import { catalog } from "@photoncloud/proto";
import { GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import type { ResourceRow, Store, Tenant } from "../../../store/store.ts";
import type { ResourceCalls } from "../../call.ts";
import { idsOfSought, type Sought } from "../external-ids.ts";
import { foldUserName } from "../federation/user-link.ts";

const space = "iam/sought";
const record = "filled";
const atOnce = 200;

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
    this.#running ??= this.run().catch((error: unknown) => this.#parts.failed(error));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async run(): Promise<void> {
    if (await this.isFilled()) return;
    for await (const org of this.#rows(OrgSchema.typeName, "")) {
      for await (const user of this.#rows(UserSchema.typeName, org.id)) await this.#fill(user, ofUser(user));
      for await (const group of this.#rows(GroupSchema.typeName, org.id)) await this.#fill(group, ofGroup(group));
    }
    if (!this.#stopping.signal.aborted) await this.note();
  }

  /** Notes that nothing lacks: of a new cloud, that nothing ever will. */
  async note(): Promise<void> {
    await this.#parts.store.records.put(space, record, Uint8Array.of(1), {});
  }

  async *#rows(kind: string, org: string): AsyncIterable<ResourceRow> {
    let after: { readonly id: string; readonly tenant: Tenant } | undefined;
    for (let rows: readonly ResourceRow[] = []; !this.#stopping.signal.aborted; ) {
      const tenants = [{ org, project: "" }];
      rows = await this.#parts.store.list({ tenants, kind, limit: atOnce, ...(after && { after }) });
      yield* rows;
      after = rows.at(-1);
      if (rows.length < atOnce) return;
    }
  }

  async #fill({ kind: typeName, tenant, id }: ResourceRow, sought: readonly Sought[]): Promise<void> {
    if (this.#stopping.signal.aborted) return;
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
