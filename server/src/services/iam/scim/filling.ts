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
import { idsOfSought, type Sought, soughtOfGroup, soughtOfUser } from "../sought.ts";

const space = "iam/sought";
/** Its number is counted up where there is more to be found by: then all is filled in again. */
const record = "filled-2";

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
    const kind = catalog().byTypeName(typeName);
    if (kind !== undefined && (await this.#lacks(sought, id))) await this.#parts.resources().again(kind, tenant, id);
  }

  async #lacks(sought: readonly Sought[], id: string): Promise<boolean> {
    for (const one of sought) if (!(await idsOfSought(this.#parts.store, one)).includes(id)) return true;
    return false;
  }
}

function ofUser({ data, tenant }: ResourceRow): readonly Sought[] {
  return soughtOfUser(tenant.org, fromBinary(UserSchema, data));
}

function ofGroup({ data, tenant }: ResourceRow): readonly Sought[] {
  return soughtOfGroup(tenant.org, fromBinary(GroupSchema, data));
}
