// Hands questions on to the servers of the settings, and to nobody else.
import { Concurrency } from "../limits.ts";
import { askTcp, askUdp } from "./ask.ts";
import type { Query } from "./query.ts";
import type { Upstream } from "./upstreams.ts";

/** How long one server is waited for, in milliseconds: a guest's own resolver asks again after 5 s. */
const patienceMs = 2_000;

const usual = {
  /** Questions under way, each of which is a socket: of all guests of the host, of one VPC's, and of one guest. A VPC's can't keep another's out. */
  ofAll: 2_048,
  ofVpc: 256,
  ofGuest: 64,
} as const;

export type ForwardingLimits = Readonly<Record<keyof typeof usual, number>>;

/** SERVFAIL and REFUSED: perhaps another server knows better. */
const unhelpful = new Set([2, 5]);

/** For whom something is asked. */
export interface Asker {
  readonly vpcId: string;
  readonly guest: string;
}

export interface Forwarder {
  /** The answer under the query's id; undefined: nobody gave one, or too much is under way. */
  forward(query: Query, asker: Asker, transport: "udp" | "tcp"): Promise<Buffer | undefined>;
  /** Gives up what is under way. */
  stop(): void;
}

/** @param late ends the wait for one server. */
export function createForwarder(
  upstreams: () => readonly Upstream[],
  limits: Partial<ForwardingLimits> = {},
  late: () => AbortSignal = () => AbortSignal.timeout(patienceMs),
): Forwarder {
  const { ofAll, ofVpc, ofGuest } = { ...usual, ...limits };
  const vpcs = new Concurrency({ ofAll, ofOne: ofVpc });
  const guests = new Concurrency({ ofAll, ofOne: ofGuest });
  const stopped = new AbortController();
  const ask = (query: Query, upstream: Upstream, transport: "udp" | "tcp") => {
    const signal = AbortSignal.any([stopped.signal, late()]);
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
    async forward(query, { vpcId, guest }, transport) {
      const leaveVpc = vpcs.enter(vpcId);
      const leaveGuest = leaveVpc && guests.enter(guest);
      try {
        return leaveGuest && (await askAll(query, transport));
      } finally {
        leaveGuest?.();
        leaveVpc?.();
      }
    },
    stop: () => stopped.abort(),
  };
}
