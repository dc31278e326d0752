// The flavors that every cloud begins with.
import { create } from "@bufbuild/protobuf";
import type { Catalog } from "@photoncloud/proto";
import { type Flavor, FlavorSchema } from "@photoncloud/proto/gen/plasmavmc/v1/flavor_pb";
import { Fault } from "../../../fault.ts";
import type { Call, ResourceCalls } from "../../call.ts";

/** Of the whole system. The constructs have sizes of the same names. */
export const builtInFlavors: readonly Flavor[] = [
  create(FlavorSchema, { id: "nano", name: "Nano", cpu: 1, memory: 256 }),
  create(FlavorSchema, { id: "micro", name: "Micro", cpu: 1, memory: 512 }),
  create(FlavorSchema, { id: "small", name: "Small", cpu: 1, memory: 1024 }),
  create(FlavorSchema, { id: "medium", name: "Medium", cpu: 2, memory: 4096 }),
  create(FlavorSchema, { id: "large", name: "Large", cpu: 4, memory: 8192 }),
  create(FlavorSchema, { id: "xlarge", name: "Extra large", cpu: 8, memory: 16384 }),
];

const inTheCloudsName: Call = {
  principal: undefined,
  sourceIp: "",
  requestId: "seed-flavors",
  method: "plasmavmc.v1.FlavorService/CreateFlavor",
  idempotencyKey: "",
  waitMs: 0,
  signal: new AbortController().signal,
  token: "",
};

/** Creates those that are not there; several servers may do so at once. What an operator changed stays; what they deleted is back after the next start. */
export async function seedFlavors(resources: ResourceCalls, catalog: Catalog): Promise<void> {
  const kind = catalog.byTypeName(FlavorSchema.typeName);
  if (kind === undefined) throw new Error(`${FlavorSchema.typeName} is no kind of the catalog`);
  for (const flavor of builtInFlavors)
    await resources.unary(kind, "create", flavor, inTheCloudsName).catch((error: unknown) => {
      if (!(error instanceof Fault && error.reason === "ALREADY_EXISTS")) throw error;
    });
}
