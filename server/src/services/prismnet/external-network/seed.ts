// The external network of a cloud that has just been started on one machine.
import { create } from "@bufbuild/protobuf";
import type { Catalog } from "@photoncloud/proto";
import { ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { Fault } from "../../../fault.ts";
import type { Call, ResourceCalls } from "../../call.ts";

/** What to make. */
export interface ExternalNetworkSeed {
  /** Default "external". */
  readonly id?: string;
  /** Default 203.0.113.0/24: TEST-NET-3 (RFC 5737), which is nobody's. */
  readonly cidr?: string;
  /** The router out there. Default: the network's first address. */
  readonly gateway?: string;
  /** Default 2001:db8:113::/64, of the documentation's prefix (RFC 3849), which is nobody's. */
  readonly ipv6Cidr?: string;
  /** What the hosts call the wire. Default "external". */
  readonly physicalNetwork?: string;
}

const inTheCloudsName: Call = {
  principal: undefined,
  sourceIp: "",
  requestId: "seed-external-network",
  method: "prismnet.v1.ExternalNetworkService/CreateExternalNetwork",
  idempotencyKey: "",
  waitMs: 0,
  signal: new AbortController().signal,
  token: "",
};

/** Creates it where it is not there; several servers may do so at once. */
export async function seedExternalNetwork(
  resources: ResourceCalls,
  catalog: Catalog,
  seed: ExternalNetworkSeed = {},
): Promise<void> {
  const kind = catalog.byTypeName(ExternalNetworkSchema.typeName);
  if (kind === undefined) throw new Error(`${ExternalNetworkSchema.typeName} is no kind of the catalog`);
  const { id = "external", cidr = "203.0.113.0/24", ipv6Cidr = "2001:db8:113::/64", ...rest } = seed;
  const network = create(ExternalNetworkSchema, { id, cidr, ipv6Cidr, ...rest });
  await resources.unary(kind, "create", network, inTheCloudsName).catch((error: unknown) => {
    if (!(error instanceof Fault && error.reason === "ALREADY_EXISTS")) throw error;
  });
}
