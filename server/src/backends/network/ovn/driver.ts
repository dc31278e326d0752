// The network on OVN: objects become rows of the Northbound database, northd and the hosts make flows of them. What is there is known from a
// live copy; nothing else is remembered, so that a restart of anything loses nothing.
import { type Clock, systemClock } from "../../../clock.ts";
import { DriverError } from "../../driver-error.ts";
import { Listeners } from "../../listeners.ts";
import type {
  Audit,
  NetworkChange,
  NetworkDriver,
  NetworkObject,
  NetworkObjectId,
  Packet,
  PortStatus,
  Reach,
} from "../driver.ts";
import { keyOf, standsOn } from "../topology.ts";
import { Announcer } from "./announcer.ts";
import { auditOf } from "./audit.ts";
import { enter, holdingsOf, isOfTable } from "./copy.ts";
import { type Difference, differenceTo, removalOf } from "./difference.ts";
import { driftOf, statusOf } from "./drift.ts";
import { Gateways } from "./gateways.ts";
import { GroupCommit } from "./group-commit.ts";
import type { Holdings } from "./holdings.ts";
import { Hosts } from "./hosts.ts";
import { afterRemoval, compile, goingWith } from "./mapping/index.ts";
import { objectOf } from "./marks.ts";
import { openDatabase } from "./ovsdb/client.ts";
import type { Database, RowChange, TlsFiles } from "./ovsdb/database.ts";
import { Receipts } from "./receipts.ts";
import { northboundTables, southboundTables } from "./tables.ts";
import { type TraceOptions, traced, tracesOf } from "./trace/index.ts";

export interface OvnNetworkOptions {
  /** As OVN writes them: "unix:/run/ovn/ovnnb_db.sock", "ssl:10.0.0.1:6641,ssl:10.0.0.2:6641". */
  readonly northbound: string;
  readonly southbound: string;
  /** For ssl:. */
  readonly tls?: TlsFiles;
  readonly log?: (message: string, error?: unknown) => void;
  readonly clock?: Clock;
  /** How long a host may be silent while others move on before nobody waits for it. Default 15 s. */
  readonly silenceMs?: number;
}

/** How long northd may take for what was written last: at ten thousand ports it is a second or two. */
const translationMs = 10_000;

/** Connects to both databases: resolves when their copies are there. @throws OvsdbError */
export async function openOvnNetwork(options: OvnNetworkOptions, signal?: AbortSignal): Promise<OvnNetwork> {
  const { tls, log } = options;
  const common = { ...(tls && { tls }), ...(log && { log }) };
  const northbound = await openDatabase(
    { ...common, remote: options.northbound, database: "OVN_Northbound", monitor: northboundTables },
    signal,
  );
  try {
    const remote = {
      remote: options.southbound,
      database: "OVN_Southbound",
      monitor: southboundTables,
      leaderOnly: false,
    };
    return new OvnNetwork(northbound, await openDatabase({ ...common, ...remote }, signal), options);
  } catch (err) {
    await northbound.close();
    throw err;
  }
}

export class OvnNetwork implements NetworkDriver {
  readonly name = "ovn";
  readonly volatile = false;
  readonly #northbound: Database;
  readonly #southbound: Database;
  readonly #trace: TraceOptions;
  readonly #holdings: Holdings;
  readonly #commits: GroupCommit;
  readonly #receipts: Receipts;
  readonly #gateways: Gateways;
  readonly #announcer: Announcer;
  readonly #changes = new Listeners<NetworkChange>();
  readonly #resets = new Listeners<void>();

  constructor(northbound: Database, southbound: Database, options: Omit<OvnNetworkOptions, "northbound">) {
    const { clock = systemClock, log, silenceMs } = options;
    this.#northbound = northbound;
    this.#southbound = southbound;
    this.#holdings = holdingsOf(northbound);
    const { southbound: remote, tls } = options;
    this.#trace = { known: this.#holdings, trace: tracesOf({ remote, ...(tls && { tls }) }) };
    this.#commits = new GroupCommit(northbound, this.#holdings, clock);
    this.#receipts = new Receipts(northbound, new Hosts(southbound, clock, silenceMs));
    this.#gateways = new Gateways({ northbound, southbound, holdings: this.#holdings, ...(log && { log }) });
    this.#announcer = new Announcer(clock, (change) => this.#changes.tell(change));
    northbound.onChange((changes) => this.#take(changes));
    northbound.onReconnect(({ whole }) => {
      if (whole) this.#resets.tell();
    });
    this.#gateways.start();
  }

  async ensure(object: NetworkObject, signal: AbortSignal): Promise<void> {
    const [key, needs] = [keyOf(object), standsOn(object).map(keyOf)];
    const plan = () => this.#ensuring(key, object, needs);
    await this.#commits.submit({ key, needs, makes: true, plan }, signal);
  }

  async remove(object: NetworkObjectId, signal: AbortSignal): Promise<void> {
    const key = keyOf(object);
    const plan = () => this.#removing(key, object);
    await this.#commits.submit({ key, needs: [], makes: false, plan }, signal);
  }

  async programmed(vpcId: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#receipts.programmed(vpcId, signal);
    } catch (err) {
      if (this.#northbound.connected || !signal.aborted) throw err;
      throw new DriverError("unavailable", "the network's database does not answer", { cause: err });
    }
  }

  async portStatus(portId: string): Promise<PortStatus | undefined> {
    const port = this.#holdings.mainOf({ type: "port", id: portId });
    return port === undefined ? undefined : { up: port.row.up === true };
  }

  /** As of all that was ensured before the call: northd has made flows of it first. */
  async reaches(packet: Packet, signal: AbortSignal): Promise<Reach> {
    const patience = AbortSignal.timeout(translationMs);
    try {
      await this.#receipts.translated(AbortSignal.any([signal, patience]));
    } catch (err) {
      if (signal.aborted || !patience.aborted) throw err;
      throw new DriverError("unavailable", "the network has not caught up with its changes; ask again", { cause: err });
    }
    return traced(packet, this.#trace, signal);
  }

  async inventory(): Promise<readonly NetworkObjectId[]> {
    return [...this.#holdings.keys()].flatMap((key) => objectOf(key) ?? []);
  }

  audit(objects: Iterable<NetworkObject>, signal: AbortSignal): Promise<Audit> {
    return auditOf(objects, this.#holdings, signal);
  }

  onChange(listener: (change: NetworkChange) => void): () => void {
    return this.#changes.add(listener);
  }

  /**
   * Calls back when the Northbound was read anew, as after a restart of its server: what it lost while it was away was not told as drift if
   * nobody here had seen it, so an audit is due. Answers how to stop.
   */
  onReset(listener: () => void): () => void {
    return this.#resets.add(listener);
  }

  async close(): Promise<void> {
    this.#announcer.close();
    this.#gateways.close();
    this.#receipts.close(new DriverError("unavailable", "the network driver is closed"));
    await this.#commits.close();
    await Promise.all([this.#northbound.close(), this.#southbound.close()]);
  }

  #ensuring(key: string, object: NetworkObject, needs: readonly string[]): Difference {
    const missing = needs.find((need) => !this.#holdings.hasKey(need));
    if (missing !== undefined)
      throw new DriverError("missing", `${told(key)} needs ${told(missing)}, which is not there`);
    return differenceTo(key, compile(object, this.#holdings), this.#holdings);
  }

  #removing(key: string, object: NetworkObjectId): Difference {
    const [user] = this.#holdings.usersOf(key);
    if (user !== undefined) throw new DriverError("in_use", `${told(key)} is still used by ${told(user)}`);
    const [patches, going] = [afterRemoval(object, this.#holdings), goingWith(object, this.#holdings)];
    return removalOf(key, { patches, going }, this.#holdings);
  }

  #take(changes: readonly RowChange[]): void {
    for (const change of changes) {
      if (!isOfTable(change)) continue;
      if (!change.own) for (const drift of driftOf(change, this.#holdings)) this.#announcer.gather(drift);
      enter(change, this.#holdings);
      const status = statusOf(change);
      if (status !== undefined) this.#changes.tell(status);
    }
  }
}

/** A key, as people read it. */
function told(key: string): string {
  return key.replace("/", " ");
}
