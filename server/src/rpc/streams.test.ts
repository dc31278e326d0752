// Open streams: what ends them, and how many there may be.
import { expect, test } from "@jest/globals";
import { Fault } from "../fault.ts";
import { createStreamCount, mostStreamsEach, recheckMs, untilEnded } from "./streams.ts";

/** A stream that is fed by hand. */
function source<T>() {
  const waiting: ((result: IteratorResult<T>) => void)[] = [];
  let closed = false;
  const iterator: AsyncIterator<T> = {
    next: () => new Promise((resolve) => waiting.push(resolve)),
    return: async () => {
      closed = true;
      return { done: true, value: undefined };
    },
  };
  return {
    stream: { [Symbol.asyncIterator]: () => iterator },
    push: (value: T) => waiting.shift()?.({ done: false, value }),
    isClosed: () => closed,
  };
}

test("untilEnded() passes messages on, and ends with the signal's fault, closing what it read", async () => {
  const ends = new AbortController();
  const { stream, push, isClosed } = source<number>();
  const out = untilEnded(stream, { ends: ends.signal, recheck: async () => {}, now: () => 0 });
  const first = out.next();
  push(1);
  expect(await first).toEqual({ done: false, value: 1 });
  const next = out.next();
  const fault = new Fault("SHUTTING_DOWN", "the server is stopping");
  ends.abort(fault);
  await expect(next).rejects.toBe(fault);
  expect(isClosed()).toBe(true);
});

test("untilEnded() asks for the permission again before it passes on a message after a while", async () => {
  let now = 0;
  const fault = new Fault("PERMISSION_DENIED", "no longer");
  const { stream, push } = source<string>();
  const recheck = async () => {
    throw fault;
  };
  const out = untilEnded(stream, { ends: new AbortController().signal, recheck, now: () => now });
  const first = out.next();
  push("early");
  expect((await first).value).toBe("early");
  now = recheckMs;
  const second = out.next();
  push("a secret of others by now");
  await expect(second).rejects.toBe(fault);
});

test("createStreamCount() lets nobody hold more than its share, and takes places back", () => {
  const count = createStreamCount();
  const leave = Array.from({ length: mostStreamsEach }, () => count.enter("alice"));
  expect(() => count.enter("alice")).toThrow(/too many open streams/);
  count.enter("bob")();
  leave[0]?.();
  expect(() => count.enter("alice")).not.toThrow();
});
