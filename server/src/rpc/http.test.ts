// Requests whose answer comes before their body was read.
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, jest, test } from "@jest/globals";
import { startStandIns } from "./testing/stand-ins.ts";

/** What a request's body may take, as its timer is set. Milliseconds. */
const bodyMs = 60_000;

/** Says that a body follows, sends none, and reads until the server closes the line. */
function withoutBody(port: number, path: string): Promise<string> {
  const line = connect(port, "127.0.0.1");
  const type = "content-type: application/json\r\ncontent-length: 10000000";
  line.write(`POST /${path} HTTP/1.1\r\nhost: cloud\r\n${type}\r\nauthorization: Bearer acme/a\r\n\r\n`);
  return text(line);
}

test.each([
  ["too large", "prismnet.v1.VpcService/CreateVpc", "HTTP/1.1 429"],
  ["for nobody", "prismnet.v1.VpcService/Nope", "HTTP/1.1 404"],
])("a body %s leaves no timer behind once its line has gone", async (_, path, answer) => {
  const set = jest.spyOn(globalThis, "setTimeout");
  const cleared = jest.spyOn(globalThis, "clearTimeout");
  try {
    const cloud = await startStandIns();
    expect(await withoutBody(cloud.listener.port, path)).toContain(answer);
    await cloud.close();
    const timers = set.mock.calls.flatMap(([, ms], index) => (ms === bodyMs ? [set.mock.results[index]?.value] : []));
    expect(timers).not.toEqual([]);
    const ended = new Set<unknown>(cleared.mock.calls.map(([timer]) => timer));
    expect(timers.filter((timer) => !ended.has(timer))).toEqual([]);
  } finally {
    set.mockRestore();
    cleared.mockRestore();
  }
});
