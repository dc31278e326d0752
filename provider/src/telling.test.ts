import { expect, test } from "@jest/globals";
import { telling } from "./telling.ts";

async function all<T>(told: AsyncGenerator<string, T>): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  for (;;) {
    const { done, value } = await told.next();
    seen.push(value);
    if (done === true) return seen;
  }
}

test("telling() yields what is told as it comes, also at once and at the end, and returns the result", async () => {
  const work = async (tell: (progress: string) => void) => {
    tell("first");
    await Promise.resolve();
    tell("second");
    tell("third");
    await new Promise((resolve) => setImmediate(resolve));
    tell("last");
    return 4;
  };
  expect(await all(telling(work))).toEqual(["first", "second", "third", "last", 4]);
});

test("telling() throws what the work throws, after what it told", async () => {
  const seen: string[] = [];
  const broken = async () => {
    const told = telling(async (tell) => {
      tell("begun");
      throw new Error("broken");
    });
    for await (const one of told) seen.push(one);
  };
  await expect(broken()).rejects.toThrow("broken");
  expect(seen).toEqual(["begun"]);
});
