// Hands questions on to the servers of the settings, and to nobody else.
import { Concurrency } from "../limits.ts";
import { askTcp, askUdp } from "./ask.ts";
import type { Query } from "./query.ts";
import type { Upstream } from "./upstreams.ts";

/** How long one server is waited for, in milliseconds: a guest's own resolver asks again after 5 s. */
const patienceMs = 2_000;
/** Questions under way, of all guests of the host and of one: each is a socket. */
const limits = { ofAll: 512, ofOne: 64 };
/** SERVFAIL and REFUSED: perhaps another server knows better. */
const unhelpful = new Set([2, 5]);

export interface Forwarder {
  /** The answer under the query's id; undefined: nobody gave one, or too much is under way. */
  forward(query: Query, guest: string, transport: "udp" | "tcp"): Promise<Buffer | undefined>;
  /** Gives up what is under way. */
  stop(): void;
}

export function createForwarder(upstreams: () => readonly Upstream[], timeoutMs = patienceMs): Forwarder {
  const concurrency = new Concurrency(limits);
  const stopped = new AbortController();
  const ask = (query: Query, upstream: Upstream, transport: "udp" | "tcp") => {
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(timeoutMs)]);
    return transport === "udp" ? askUdp(query, upstream, signal) : askTcp(query, upstream, signal);
  };
  async function askAll(query: Query, transport: "udp" | "tcp"): Promise<Buffer | undefined> {
    let last: Buffer | undefined;
    for (const upstream of upstreams()) {
      if (stopped.signal.aborted) return undefined;
      const answer = await ask(query, upstream, transport);
      if (answer !== undefined && !unhelpful.has(answer.readUInt8(3) & 0xf)) return answer;
      last = answer ?? last;
    }
    return last;
  }
  return {
    async forward(query, guest, transport) {
      const leave = concurrency.enter(guest);
      if (leave === undefined) return undefined;
      return askAll(query, transport).finally(leave);
    },
    stop: () => stopped.abort(),
  };
}
