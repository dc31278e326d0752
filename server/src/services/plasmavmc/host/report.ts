// Writes down what is seen of a host: its volatile outputs, which are nobody's wish.
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Host, HostSchema } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { wholeBytes } from "../../../engine/message.ts";
import type { ResourceKey, Store } from "../../../store/store.ts";

export const hostKey = (id: string): ResourceKey => ({
  tenant: { org: "", project: "" },
  kind: HostSchema.typeName,
  id,
});

/** Why a host that no agent has joined for yet takes no machines. */
export const notJoined = "it has not joined yet";

export interface ReportTerms {
  /** Tell nobody: nothing that somebody waits for has changed. */
  readonly quiet?: boolean;
}

/** Changes the outputs of a live host in place. Answers whether there was one. */
export function report(
  store: Pick<Store, "transact">,
  id: string,
  edit: (outputs: Host) => void,
  { quiet = false }: ReportTerms = {},
): Promise<boolean> {
  return store.transact(async (tx) => {
    const row = await tx.get(hostKey(id));
    if (row?.phase !== "live") return false;
    const outputs = fromBinary(HostSchema, row.observed);
    edit(outputs);
    const observed = toBinary(HostSchema, outputs);
    if (Buffer.compare(observed, row.observed) === 0) return true;
    tx.observe(hostKey(id), observed);
    if (!quiet) tx.append(eventOf(id, row.version, wholeBytes({ ...row, observed })));
    return true;
  });
}

function eventOf(id: string, version: number, resource: Uint8Array) {
  return {
    ...hostKey(id),
    type: "observed" as const,
    version,
    actor: "engine",
    resource,
    sourceIp: "",
    requestId: "",
    method: "",
    permission: "",
  };
}
