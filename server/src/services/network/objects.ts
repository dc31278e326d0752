// What stored resources are in the network, told beside the engine: for the comparison with the backend and for receipts.
import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import type { NetworkObject } from "../../backends/network/driver.ts";
import { messageOf } from "../../engine/message.ts";
import { findRelated } from "../../engine/tenants.ts";
import type { ResourceKey, ResourceRow, Store, Tenant } from "../../store/store.ts";
import type { NetworkPart } from "../network-part.ts";

/** Reads resources that others refer to. */
export interface RelatedReader {
  /** Undefined: it is gone. */
  read<Desc extends DescMessage>(schema: Desc, id: string, from: ResourceKey): Promise<MessageShape<Desc> | undefined>;
  /** Whether it is there and live. */
  exists(key: ResourceKey): Promise<boolean>;
}

/** Reads them from the store. */
export function relatedIn(store: Pick<Store, "get">): RelatedReader {
  return {
    async read(schema, id, { tenant }) {
      const row = await findRelated(store, schema.typeName, id, tenant);
      return row === undefined ? undefined : messageOf(schema, row);
    },
    exists: async (key) => (await store.get(key))?.phase === "live",
  };
}

/** The objects that a resource should have. @throws StepError where what it refers to is gone. */
export async function objectsOf(
  part: NetworkPart<DescMessage>,
  key: ResourceKey,
  resource: Message,
  related: RelatedReader,
): Promise<readonly NetworkObject[]> {
  const context = {
    id: key.id,
    key,
    resource,
    related: <Desc extends DescMessage>(schema: Desc, id: string) => related.read(schema, id, key),
    exists: (tenant: Tenant, { typeName }: DescMessage, id: string) => related.exists({ tenant, kind: typeName, id }),
  };
  const objects = await Promise.all(part.objects.map(async (one) => one.of(context)));
  return objects.filter((object) => object !== undefined);
}

/** As `objectsOf`, of a resource as it is stored. */
export function objectsOfRow(part: NetworkPart<DescMessage>, row: ResourceRow, related: RelatedReader) {
  const { tenant, kind, id } = row;
  return objectsOf(part, { tenant, kind, id }, messageOf<DescMessage>(part.schema, row), related);
}
