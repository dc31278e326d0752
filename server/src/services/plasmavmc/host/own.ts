// Hosts that the cloud makes itself: the server's own machine, and those that join.
import { create } from "@bufbuild/protobuf";
import type { Catalog } from "@photoncloud/proto";
import { HostSchema } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { Fault } from "../../../fault.ts";
import type { Call, ResourceCalls } from "../../call.ts";

export interface OwnParts {
  readonly resources: ResourceCalls;
  readonly catalog: Catalog;
}

const inTheCloudsName: Call = {
  principal: undefined,
  sourceIp: "",
  requestId: "ensure-host",
  method: "plasmavmc.v1.HostService/CreateHost",
  idempotencyKey: "",
  waitMs: 0,
  signal: new AbortController().signal,
  token: "",
};

/** Creates a host where there is none of that id; several servers may do so at once. */
export async function ensureHost({ resources, catalog }: OwnParts, id: string, call?: Call): Promise<void> {
  const kind = catalog.byTypeName(HostSchema.typeName);
  if (kind === undefined) throw new Error(`${HostSchema.typeName} is no kind of the catalog`);
  const { sourceIp, requestId } = call ?? inTheCloudsName;
  const made = resources.unary(kind, "create", create(HostSchema, { id }), { ...inTheCloudsName, sourceIp, requestId });
  await made.catch((error: unknown) => {
    if (!(error instanceof Fault && error.reason === "ALREADY_EXISTS")) throw error;
  });
}
