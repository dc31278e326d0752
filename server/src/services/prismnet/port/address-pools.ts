// Which addresses of a subnet to try next. What is taken is known by the store's claims alone; this is a memory of them beside it, so that
// parallel creations in one process draw different addresses at once, and a creation need not read every claim of a large subnet.

/** An address space, and where to read what of it is taken. Addresses are offsets from the network's first. */
export interface PoolSource {
  /** The subnet's id. */
  readonly subnetId: string;
  /** How many addresses the network has. */
  readonly size: number;
  /** Never drawn: network, broadcast, gateway. */
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
/** How many subnets are remembered. */
const remembered = 1_000;

interface Pool {
  taken: Set<number>;
  loadedAt: number;
  /** No address below this one is free, as far as is known. */
  lowest: number;
  /** By request: what it was given last, and when. */
  readonly held: Map<string, { readonly offset: number; readonly at: number }>;
}

export class AddressPools {
  readonly #pools = new Map<string, Pool>();

  /** A free address: the lowest; for a request that lost one to another process, any. Undefined: all are claimed. */
  async draw(source: PoolSource, draw: Draw): Promise<number | undefined> {
    const pool = this.#poolOf(source.subnetId);
    const before = pool.held.get(draw.requestId);
    const offset =
      before === undefined ? await first(pool, source, draw) : await again(pool, source, draw, before.offset);
    if (offset !== undefined && draw.keep) hold(pool, offset, draw);
    return offset;
  }

  /** Says that an address is free again. */
  release(subnetId: string, offset: number): void {
    const pool = this.#pools.get(subnetId);
    if (pool?.taken.delete(offset)) pool.lowest = Math.min(pool.lowest, offset);
  }

  #poolOf(subnetId: string): Pool {
    const known = this.#pools.get(subnetId);
    if (known !== undefined) return known;
    const [oldest] = this.#pools.keys();
    if (oldest !== undefined && this.#pools.size >= remembered) this.#pools.delete(oldest);
    const pool: Pool = { taken: new Set(), loadedAt: Number.NEGATIVE_INFINITY, lowest: 0, held: new Map() };
    this.#pools.set(subnetId, pool);
    return pool;
  }
}

function isStale(pool: Pool, now: number): boolean {
  return Math.abs(now - pool.loadedAt) > believedMs;
}

async function first(pool: Pool, source: PoolSource, draw: Draw): Promise<number | undefined> {
  if (isStale(pool, draw.now)) await load(pool, source, draw.now);
  return lowestFree(pool, source) ?? (await anyUnclaimed(pool, source, draw));
}

/** A transaction runs again for many reasons; only if the address is claimed by now was it lost. */
async function again(pool: Pool, source: PoolSource, draw: Draw, offset: number): Promise<number | undefined> {
  const claimed = await load(pool, source, draw.now);
  if (!claimed.has(offset)) return offset;
  return pickFree(source, pool.taken, draw.random) ?? pickFree(source, claimed, draw.random);
}

/** Reads what is claimed; what is held for others counts as taken. */
async function load(pool: Pool, source: PoolSource, now: number): Promise<ReadonlySet<number>> {
  const claimed = await source.claimed();
  const taken = new Set(claimed);
  for (const [requestId, { offset, at }] of pool.held) {
    if (Math.abs(now - at) > believedMs) pool.held.delete(requestId);
    else taken.add(offset);
  }
  Object.assign(pool, { taken, loadedAt: now, lowest: 0 });
  return claimed;
}

function lowestFree(pool: Pool, { size, reserved }: PoolSource): number | undefined {
  for (let offset = pool.lowest; offset < size; offset++)
    if (!pool.taken.has(offset) && !reserved.has(offset)) {
      pool.lowest = offset;
      return offset;
    }
  pool.lowest = size;
  return undefined;
}

/** How often chance is tried before the free addresses are counted out. */
const throws = 32;

/** With everything taken or held: perhaps a creation that held an address has failed. */
async function anyUnclaimed(pool: Pool, source: PoolSource, draw: Draw): Promise<number | undefined> {
  return pickFree(source, await load(pool, source, draw.now), draw.random);
}

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

function hold(pool: Pool, offset: number, { requestId, now }: Draw): void {
  pool.taken.add(offset);
  pool.held.set(requestId, { offset, at: now });
}
