// A machine that the cloud ends with itself: neither its guest's doing nor its owner's wish, so that it runs again with the cloud, whatever its restart
// policy says of machines that end by themselves.
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { ResourceKey, Store } from "../../../store/store.ts";

/** Forgets that it ran. @param machine as its driver tells of it; its owner is {org}/{project}. */
export async function endedWithCloud(
  store: Pick<Store, "transact">,
  { vmId, owner }: { readonly vmId: string; readonly owner: string },
): Promise<void> {
  const [org = "", project = ""] = owner.split("/");
  const key: ResourceKey = { tenant: { org, project }, kind: VmSchema.typeName, id: vmId };
  await store.transact(async (tx) => {
    const row = await tx.get(key);
    if (row?.phase !== "live") return;
    const { startTime, ...outputs } = fromBinary(VmSchema, row.observed);
    if (startTime !== undefined) tx.observe(key, toBinary(VmSchema, outputs));
  });
}
