// This machine's way to the addresses that the cloud has outside: a route for each that is in use. One for the whole network would hide whoever
// else is in it.
import type { IpNetwork } from "../../../../ip.ts";
import { includes, parseIp } from "../../../../ip.ts";
import { ipForced } from "../../../linux/namespaces.ts";
import { openDatabase } from "../ovsdb/client.ts";
import type { Database } from "../ovsdb/database.ts";

export interface OutsideRoutes {
  readonly northbound: string;
  /** The outside's IPv4 network. */
  readonly network: IpNetwork;
  /** The device that it is on. */
  readonly device: string;
  /** This machine's address there. */
  readonly source: string;
  readonly log: (message: string, error?: unknown) => void;
}

/** Keeps a route for each address that the Northbound translates to or from. Answers how to stop; the routes go with the device. */
export async function keepRoutes(options: OutsideRoutes): Promise<() => Promise<void>> {
  const { northbound, device, source, log } = options;
  const monitor = { NAT: { columns: ["external_ip"] } };
  const database = await openDatabase({ remote: northbound, database: "OVN_Northbound", monitor });
  let laid: ReadonlySet<string> = new Set();
  const lay = async () => {
    const wanted = addressesIn(database, options.network);
    const [more, less] = [wanted.difference(laid), laid.difference(wanted)];
    if (more.size + less.size === 0) return;
    await ipForced(
      undefined,
      ...[...more].map((address) => `route replace ${address}/32 dev ${device} src ${source}`),
      ...[...less].map((address) => `route del ${address}/32 dev ${device}`),
    );
    laid = wanted;
  };
  // What could not be laid is tried again with the next change.
  const layOrTell = () =>
    lay().catch((error: unknown) => log("the routes to the addresses outside could not be laid", error));
  let work = layOrTell();
  const again = () => {
    work = work.then(layOrTell);
  };
  const stops = [database.onChange(again), database.onReconnect(again)];
  return async () => {
    for (const stop of stops) stop();
    await work;
    await database.close();
  };
}

function addressesIn(database: Database, network: IpNetwork): ReadonlySet<string> {
  const all = [...database.rows("NAT").values()].map((row) => String(row.external_ip));
  const isInside = (text: string) => {
    const address = parseIp(text);
    return address !== undefined && includes(network, address);
  };
  return new Set(all.filter(isInside));
}
