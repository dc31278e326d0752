// Which addresses of a subnet to try next. What is taken is known by the store's claims alone; this is a memory of them beside it, so that
// parallel creations in one process draw different addresses at once, and a creation need not read every claim of a large subnet.

/** An address space, and where to read what of it is taken. Addresses are offsets from the network's first. */
export interface PoolSource {
  /** Names it: a family's addresses in one subnet. */
  readonly space: string;
  /** How many addresses are drawn from. */
  readonly size: number;
  /** Never drawn: network, broadcast, gateway, the cloud's own. */
  readonly reserved: ReadonlySet<number>;
  /** Reads the offsets that are claimed now. */
  readonly claimed: () => Promise<ReadonlySet<number>>;
}

/** Who draws. */
export interface Draw {
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** False where nothing will be stored (a plan). */
  readonly keep: boolean;
  /** An integer in [0, below). */
  readonly random: (below: number) => number;
}

/** How long a memory is believed, and how long an address is held for a creation under way, in milliseconds. */
const believedMs = 5_000;
/** How many spaces are remembered. */
const remembered = 1_000;

interface Pool {
  /** What was claimed when it was read last, without what is held. */
  claimed: ReadonlySet<number>;
  /** What was claimed, and what is held. */
  taken: Set<number>;
  readAt: number;
  /** The reading that is under way. */
  reading: Promise<void> | undefined;
  /** No address below this one is free, as far as is known. */
  lowest: number;
  /** By request: what it was given last, and when. */
  readonly held: Map<string, { readonly offset: number; readonly at: number }>;
}

export class AddressPools {
  readonly #pools = new Map<string, Pool>();

  /** A free address: the lowest; for a request that lost one to another process, any. Undefined: all are claimed. */
  async draw(source: PoolSource, draw: Draw): Promise<number | undefined> {
    const pool = this.#poolOf(source.space);
    const before = pool.held.get(draw.requestId)?.offset;
    if (before !== undefined) await read(pool, source, draw.now);
    else if (Math.abs(draw.now - pool.readAt) > believedMs) await readOnce(pool, source, draw.now);
    const offset = before === undefined ? lowestFree(pool, source) : again(pool, source, draw, before);
    if (offset !== undefined) return hold(pool, offset, draw);
    // Perhaps a creation that held an address has failed.
    await read(pool, source, draw.now);
    const any = pickFree(source, pool.claimed, draw.random);
    return any === undefined ? undefined : hold(pool, any, draw);
  }

  /** Says that an address is free again. */
  release(space: string, offset: number): void {
    const pool = this.#pools.get(space);
    if (pool?.taken.delete(offset)) pool.lowest = Math.min(pool.lowest, offset);
  }

  #poolOf(space: string): Pool {
    const known = this.#pools.get(space);
    if (known !== undefined) return known;
    const [oldest] = this.#pools.keys();
    if (oldest !== undefined && this.#pools.size >= remembered) this.#pools.delete(oldest);
    const nothing = { claimed: new Set<number>(), taken: new Set<number>(), lowest: 0 };
    const pool: Pool = { ...nothing, readAt: Number.NEGATIVE_INFINITY, reading: undefined, held: new Map() };
    this.#pools.set(space, pool);
    return pool;
  }
}

/** Reads what is claimed; what is held for others counts as taken. */
async function read(pool: Pool, source: PoolSource, now: number): Promise<void> {
  const claimed = await source.claimed();
  const taken = new Set(claimed);
  for (const [requestId, { offset, at }] of pool.held) {
    if (Math.abs(now - at) > believedMs) pool.held.delete(requestId);
    else taken.add(offset);
  }
  Object.assign(pool, { claimed, taken, readAt: now, lowest: 0 });
}

/** As `read`; all that come while one reads wait for that one. */
function readOnce(pool: Pool, source: PoolSource, now: number): Promise<void> {
  pool.reading ??= read(pool, source, now).finally(() => {
    pool.reading = undefined;
  });
  return pool.reading;
}

// From here on nothing waits: between choosing an address and holding it nobody else may choose.

/** A transaction runs again for many reasons; only if the address is claimed by now was it lost. */
function again(pool: Pool, source: PoolSource, draw: Draw, offset: number): number | undefined {
  return pool.claimed.has(offset) ? pickFree(source, pool.taken, draw.random) : offset;
}

function lowestFree(pool: Pool, { size, reserved }: PoolSource): number | undefined {
  while (pool.lowest < size && (pool.taken.has(pool.lowest) || reserved.has(pool.lowest))) pool.lowest++;
  return pool.lowest < size ? pool.lowest : undefined;
}

/** How often chance is tried before the free addresses are looked for one by one. */
const throws = 32;

function pickFree({ size, reserved }: PoolSource, taken: ReadonlySet<number>, random: (below: number) => number) {
  const isFree = (offset: number) => !taken.has(offset) && !reserved.has(offset);
  for (let i = 0; i < throws; i++) {
    const offset = random(size);
    if (isFree(offset)) return offset;
  }
  const start = random(size);
  for (let i = 0; i < size; i++) if (isFree((start + i) % size)) return (start + i) % size;
  return undefined;
}

function hold(pool: Pool, offset: number, { requestId, now, keep }: Draw): number {
  if (!keep) return offset;
  pool.taken.add(offset);
  pool.held.set(requestId, { offset, at: now });
  return offset;
}
