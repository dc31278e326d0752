// Open streams: what ends them, and how many there may be.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "@jest/globals";
import { ManualClock } from "../engine/testing/manual-clock.ts";
import { Fault } from "../fault.ts";
import { createStreamCount, mostStreamsEach, quietRecheckMs, recheckMs, untilEnded } from "./streams.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

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
  const out = untilEnded(stream, { ends: ends.signal });
  const first = out.next();
  push(1);
  expect(await first).toEqual({ done: false, value: 1 });
  const next = out.next();
  const fault = new Fault("SHUTTING_DOWN", "the server is stopping");
  ends.abort(fault);
  await expect(next).rejects.toBe(fault);
  expect(isClosed()).toBe(true);
});

test("untilEnded() keeps no message that it has passed on", async () => {
  const { stream, push } = source<object>();
  const out = untilEnded(stream, { ends: new AbortController().signal });
  const passed: WeakRef<object>[] = [];
  for (let i = 0; i < 10; i++) {
    const next = out.next();
    push({});
    passed.push(new WeakRef((await next).value));
  }
  // An object that a weak reference was made of lives until the turn ends.
  await new Promise(setImmediate);
  collectGarbage();
  // The last one may still be on somebody's stack.
  expect(passed.slice(0, -1).filter((message) => message.deref() !== undefined)).toEqual([]);
});

test("untilEnded() asks for the permission again before it passes on a message after a while", async () => {
  const clock = new ManualClock();
  const fault = new Fault("PERMISSION_DENIED", "no longer");
  const { stream, push } = source<string>();
  const recheck = async () => {
    throw fault;
  };
  const out = untilEnded(stream, { ends: new AbortController().signal, permission: { recheck, clock } });
  const first = out.next();
  push("early");
  expect((await first).value).toBe("early");
  clock.advance(recheckMs);
  const second = out.next();
  push("a secret of others by now");
  await expect(second).rejects.toBe(fault);
});

test("untilEnded() ends a stream on which nothing passes when its permission is taken away", async () => {
  const clock = new ManualClock();
  const fault = new Fault("PERMISSION_DENIED", "no longer");
  let may = true;
  const recheck = async () => {
    if (!may) throw fault;
  };
  const { stream, isClosed } = source<string>();
  const out = untilEnded(stream, { ends: new AbortController().signal, permission: { recheck, clock } });
  const next = out.next();
  clock.advance(quietRecheckMs);
  expect(isClosed()).toBe(false);
  may = false;
  const ended = expect(next).rejects.toBe(fault);
  clock.advance(quietRecheckMs);
  await ended;
  expect([isClosed(), clock.sleeping]).toEqual([true, 0]);
});

test("createStreamCount() lets nobody hold more than its share, and takes places back", () => {
  const count = createStreamCount();
  const leave = Array.from({ length: mostStreamsEach }, () => count.enter("alice"));
  expect(() => count.enter("alice")).toThrow(/too many open streams/);
  count.enter("bob")();
  leave[0]?.();
  expect(() => count.enter("alice")).not.toThrow();
});
