import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { AddressPools, type PoolSource } from "./address-pools.ts";

/** What the store would do: a set of claims that takes each offset once. */
class Claims {
  readonly taken = new Set<number>();
  reads = 0;

  source(size: number, reserved: readonly number[] = [0]): PoolSource {
    const claimed = async () => {
      this.reads++;
      return new Set(this.taken);
    };
    return { space: "subnet-1", size, reserved: new Set(reserved), claimed };
  }
}

let requests = 0;
const aDraw = (now = 0) => {
  let seed = ++requests;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  return { requestId: `r${requests}`, now, keep: true, random };
};

describe("AddressPools.draw()", () => {
  test("gives everyone another one, the lowest first, and reads the claims once", async () => {
    const [pools, claims] = [new AddressPools(), new Claims()];
    const drawn = [];
    for (let i = 0; i < 5; i++) drawn.push(await pools.draw(claims.source(16, [0, 2]), aDraw()));
    expect(drawn).toEqual([1, 3, 4, 5, 6]);
    expect(claims.reads).toBe(1);
  });

  test("gives everyone another one who asks at the same time, and reads the claims once", async () => {
    const [pools, claims] = [new AddressPools(), new Claims()];
    const drawn = await Promise.all(Array.from({ length: 64 }, () => pools.draw(claims.source(256), aDraw())));
    expect(drawn.toSorted((a = 0, b = 0) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i + 1));
    expect(claims.reads).toBe(1);
  });

  test("gives a request that comes again the same one, unless it was lost", async () => {
    const [pools, claims] = [new AddressPools(), new Claims()];
    const draw = aDraw();
    expect([await pools.draw(claims.source(16), draw), await pools.draw(claims.source(16), draw)]).toEqual([1, 1]);
  });

  test("gives a request that lost its address another one that is free", async () => {
    const [pools, claims] = [new AddressPools(), new Claims()];
    const draw = aDraw();
    const lost = await pools.draw(claims.source(4), draw);
    claims.taken.add(1).add(2);
    expect(lost).toBe(1);
    expect(await pools.draw(claims.source(4), draw)).toBe(3);
  });

  test("keeps nothing for a plan", async () => {
    const [pools, claims] = [new AddressPools(), new Claims()];
    expect(await pools.draw(claims.source(16), { ...aDraw(), keep: false })).toBe(1);
    expect(await pools.draw(claims.source(16), aDraw())).toBe(1);
  });

  test("gives a released address again", async () => {
    const [pools, claims] = [new AddressPools(), new Claims()];
    await pools.draw(claims.source(16), aDraw());
    await pools.draw(claims.source(16), aDraw());
    pools.release("subnet-1", 1);
    expect(await pools.draw(claims.source(16), aDraw())).toBe(1);
  });

  test("forgets what was never claimed", async () => {
    const [pools, claims] = [new AddressPools(), new Claims()];
    await pools.draw(claims.source(16), aDraw());
    expect(await pools.draw(claims.source(16), aDraw(60_000))).toBe(1);
  });

  test("gives every address of a network, none twice, and then none, whatever was taken before", async () => {
    const run = async (size: number, taken: readonly number[]) => {
      const [pools, claims] = [new AddressPools(), new Claims()];
      for (const offset of taken) if (offset > 0 && offset < size) claims.taken.add(offset);
      const free = size - 1 - claims.taken.size;
      for (let i = 0; i < free; i++) {
        const offset = await pools.draw(claims.source(size), aDraw());
        expect(offset !== undefined && offset > 0 && offset < size && !claims.taken.has(offset)).toBe(true);
        claims.taken.add(offset ?? 0);
      }
      expect(await pools.draw(claims.source(size), aDraw())).toBeUndefined();
    };
    const sizes = fc.integer({ min: 4, max: 64 });
    await fc.assert(fc.asyncProperty(sizes, fc.array(fc.nat({ max: 63 })), run), { numRuns: 50 });
  });
});
