// The flow logs' part of a host: follows ovn-controller's log, tells what its lines mean, and keeps the records.
import type { FlowRecord } from "../../backends/network/flow-source.ts";
import type { ChassisAddress } from "../../backends/network/ovn/chassis/chassis.ts";
import { openDatabase } from "../../backends/network/ovn/ovsdb/client.ts";
import type { Database, TlsFiles } from "../../backends/network/ovn/ovsdb/database.ts";
import { type Clock, systemClock } from "../../clock.ts";
import type { AgentLog } from "../log.ts";
import { readAclLine } from "./acl-line.ts";
import { Aggregate } from "./aggregate.ts";
import { LogTail } from "./log-tail.ts";
import { Rules, watchedTables } from "./rules.ts";

/** Where records go. */
export interface FlowSink {
  append(flowLogId: string, records: readonly FlowRecord[]): Promise<void>;
  /** The flow logs of which there is anything. */
  logs(): Promise<readonly string[]>;
  forget(flowLogId: string): Promise<void>;
  /** Where a host's collector notes how far it has read. */
  positionFile(systemId: string): Promise<string>;
}

/** A host's log, wherever it is. */
export type FlowTail = Pick<LogTail, "follow"> & { keep(): Promise<void> };

export interface FlowCollectorOptions {
  readonly host: Pick<ChassisAddress, "systemId" | "controllerLog">;
  /** Default: the log's file, on this machine. */
  readonly tail?: FlowTail;
  /** The database's remote: "unix:/run/ovn/ovnnb_db.sock". */
  readonly northbound: string;
  readonly tls?: TlsFiles;
  readonly sink: FlowSink;
  readonly log: AgentLog;
  readonly clock?: Clock;
}

export interface FlowCollector {
  /** Resolves when there is nothing more to come. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

/** Over how long a flow's packets become one record, in milliseconds. */
const windowMs = 5_000;
/** How often it is looked for flow logs that are gone, in milliseconds. One that is missed twice is: a row that was lost by mistake is back by then. */
const sweepMs = 15 * 60_000;

/** Starts the collector of a host: one for each. @throws OvsdbError "closed" if the signal aborts before the database answers. */
export async function startFlowCollector(options: FlowCollectorOptions, signal?: AbortSignal): Promise<FlowCollector> {
  const { northbound: remote, tls } = options;
  const tail = options.tail ?? (await tailHere(options));
  const wanted = { remote, database: "OVN_Northbound", monitor: watchedTables, leaderOnly: false };
  return new Collector(options, tail, await openDatabase({ ...wanted, ...(tls && { tls }) }, signal));
}

async function tailHere({ host, sink, clock = systemClock }: FlowCollectorOptions): Promise<FlowTail> {
  return new LogTail({ file: host.controllerLog, positionFile: await sink.positionFile(host.systemId), clock });
}

class Collector implements FlowCollector {
  readonly #options: FlowCollectorOptions;
  readonly #clock: Clock;
  readonly #northbound: Database;
  readonly #rules: Rules;
  readonly #flows = new Aggregate();
  readonly #tail: FlowTail;
  readonly #stopping = new AbortController();
  readonly done: Promise<void>;

  #missed: ReadonlySet<string> = new Set();

  constructor(options: FlowCollectorOptions, tail: FlowTail, northbound: Database) {
    const { clock = systemClock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#northbound = northbound;
    this.#rules = new Rules(northbound);
    this.#tail = tail;
    this.done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.done;
    this.#rules.close();
    await this.#northbound.close();
  }

  async #run(): Promise<void> {
    let writtenAt = this.#clock.now();
    let sweptAt = writtenAt;
    for await (const lines of this.#tail.follow(this.#stopping.signal)) {
      for (const line of lines) this.#take(line);
      if (this.#clock.now() - writtenAt < windowMs && !this.#flows.isFull) continue;
      await this.#write();
      writtenAt = this.#clock.now();
      if (writtenAt - sweptAt < sweepMs) continue;
      await this.#sweep();
      sweptAt = writtenAt;
    }
    await this.#write();
  }

  #take(text: string): void {
    const line = readAclLine(text);
    const decision = line && this.#rules.decisionOf(line);
    if (line !== undefined && decision !== undefined) this.#flows.add(line, decision);
  }

  /** Forgets what flow logs wrote that are gone. */
  async #sweep(): Promise<void> {
    const { sink, log, host } = this.#options;
    try {
      if (!this.#northbound.connected) return;
      const there = this.#rules.flowLogIds();
      const missed = (await sink.logs()).filter((id) => !there.has(id));
      for (const id of missed) if (this.#missed.has(id)) await sink.forget(id);
      this.#missed = new Set(missed);
    } catch (err) {
      log.warn({ err, host: host.systemId }, "the records of flow logs that are gone could not be removed");
    }
  }

  /** What can't be kept is lost: the host's log goes on. */
  async #write(): Promise<void> {
    const { sink, log, host } = this.#options;
    try {
      for (const [id, records] of this.#flows.take()) await sink.append(id, records);
      await this.#tail.keep();
    } catch (err) {
      log.warn({ err, host: host.systemId }, "flow records could not be kept");
    }
  }
}
