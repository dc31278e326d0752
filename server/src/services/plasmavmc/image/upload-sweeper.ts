// Looks now and then for uploads that no image is made of.
import { fromBinary } from "@bufbuild/protobuf";
import { ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import type { Clock } from "../../../clock.ts";
import type { Store, Tenant } from "../../../store/store.ts";
import type { Uploads } from "./uploads.ts";

/** In milliseconds: an upload's time is a day. */
const everyMs = 3_600_000;
/** Images of a tenant that are read at a time. */
const atOnce = 500;

export interface SweeperOptions {
  readonly uploads: Uploads;
  readonly store: Pick<Store, "list">;
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
}

/** Answers how to stop. */
export function startSweeping({ uploads, store, clock, onFailure }: SweeperOptions): () => void {
  const stopped = new AbortController();
  const run = async () => {
    for (;;) {
      await clock.sleep(everyMs, stopped.signal);
      if (stopped.signal.aborted) return;
      await uploads.sweep((tenant) => digestsOf(store, tenant)).catch(onFailure);
    }
  };
  void run();
  return () => stopped.abort();
}

/** The digests of a tenant's images, those that are being deleted included. */
async function digestsOf(store: Pick<Store, "list">, tenant: Tenant): Promise<ReadonlySet<string>> {
  const query = { tenants: [tenant], kind: ImageSchema.typeName, limit: atOnce };
  const found = new Set<string>();
  for (let rows = await store.list(query); ; ) {
    for (const { data } of rows) found.add(fromBinary(ImageSchema, data).digest ?? "");
    const last = rows.at(-1);
    if (last === undefined || rows.length < atOnce) return found;
    rows = await store.list({ ...query, after: { id: last.id, tenant: last.tenant } });
  }
}
