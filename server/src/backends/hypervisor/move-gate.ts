// Who may open the streams of a move, however they are carried. The source says first which stream of which machine it brings, and the offer's
// secret; the destination answers whether it is let in; from there on the bytes are the drivers'.
import { createHash, timingSafeEqual } from "node:crypto";
import type { Duplex } from "node:stream";
import { DriverError } from "../driver-error.ts";
import type { ExpectedMove } from "./move-transport.ts";

/** A greeting is one line of JSON, at most so long in bytes. */
const longestLine = 4_096;
/** How long each side waits for the other's line, in milliseconds: whoever opens a stream speaks at once. */
const patienceMs = 20_000;
const [welcome, refusal, notNow] = ["welcome", "refused", "not now"];

interface Greeting {
  readonly vmId: string;
  readonly channel: string;
  readonly secret: string;
}

interface Expected {
  readonly move: ExpectedMove;
  readonly open: Map<string, Duplex>;
}

/** The moves that a destination waits for. */
export class MoveGate {
  readonly #expected = new Map<string, Expected>();

  /** Waits for one in the place of an earlier one of the same machine. Answers how to stop. */
  expect(move: ExpectedMove): () => void {
    this.#end(this.#expected.get(move.vmId));
    const expected: Expected = { move, open: new Map() };
    this.#expected.set(move.vmId, expected);
    return () => {
      this.#end(expected);
      if (this.#expected.get(move.vmId) === expected) this.#expected.delete(move.vmId);
    };
  }

  /** Lets a stream in, or ends it. @param isFrom whether it comes from the host */
  async admit(stream: Duplex, isFrom: (hostId: string | undefined) => boolean): Promise<void> {
    stream.on("error", () => stream.destroy());
    const greeting = greetingOf(await readLine(stream).catch(() => ""));
    const expected = greeting && this.#expected.get(greeting.vmId);
    const turnAway = (answer: string) => void stream.end(`${answer}\n`, () => stream.destroy());
    if (greeting === undefined || expected === undefined || !isLetIn(greeting, expected)) return turnAway(refusal);
    // The move is expected: whoever hears that it is not would take the machine for its own.
    if (expected.open.has(greeting.channel) || !isFrom(expected.move.fromHostId)) return turnAway(notNow);
    const { channel } = greeting;
    expected.open.set(channel, stream);
    stream.once("close", () => expected.open.delete(channel));
    stream.write(`${welcome}\n`);
    expected.move.accept(channel, stream);
  }

  close(): void {
    for (const expected of this.#expected.values()) this.#end(expected);
    this.#expected.clear();
  }

  #end(expected: Expected | undefined): void {
    for (const stream of expected?.open.values() ?? []) stream.destroy();
  }
}

function isLetIn({ channel, secret }: Greeting, { move }: Expected): boolean {
  return isSame(secret, move.secret) && move.channels.includes(channel);
}

/** Takes as long whatever the difference is. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** Says what the stream is; resolves when it is let in. @throws DriverError "refused" if it is not, "unavailable" if nobody answers. */
export async function greet(stream: Duplex, greeting: Greeting): Promise<void> {
  stream.write(`${JSON.stringify(greeting)}\n`);
  const answer = await readLine(stream).catch((cause: unknown) => {
    stream.destroy();
    throw new DriverError("unavailable", `the host that vm ${greeting.vmId} should move to does not answer`, { cause });
  });
  if (answer === welcome) return;
  stream.destroy();
  const reason = answer === refusal ? "refused" : "unavailable";
  throw new DriverError(reason, `the host that vm ${greeting.vmId} should move to does not let it in`);
}

function greetingOf(line: string): Greeting | undefined {
  try {
    const { vmId, channel, secret } = JSON.parse(line);
    const isText = [vmId, channel, secret].every((value) => typeof value === "string");
    return isText ? { vmId, channel, secret } : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a line, and leaves what follows it in the stream. */
function readLine(stream: Duplex): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let read = Buffer.alloc(0);
  const onReadable = () => {
    for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) {
      read = Buffer.concat([read, chunk]);
      const end = read.indexOf("\n");
      if (end < 0 && read.length > longestLine) return reject(new Error("the line is too long"));
      if (end < 0) continue;
      stop();
      if (read.length > end + 1) stream.unshift(read.subarray(end + 1));
      return resolve(read.subarray(0, end).toString());
    }
  };
  const onEnd = () => reject(new Error("the stream ended"));
  const timer = setTimeout(() => reject(new Error("nothing was said")), patienceMs);
  const stop = () => {
    clearTimeout(timer);
    stream.off("readable", onReadable).off("end", onEnd).off("close", onEnd);
  };
  stream.on("readable", onReadable).on("end", onEnd).on("close", onEnd);
  return promise.finally(stop);
}
