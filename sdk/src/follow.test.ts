// Streams: envelopes however they are cut, and watches that go on where they broke off, against a server of node:http.
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeJson, encodeEnvelope, readEnvelopes } from "./envelope.ts";
import { PhotonCloud } from "./index.ts";
import { errorReply } from "./testing/index.ts";

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

describe("readEnvelopes()", () => {
  test("gives the messages back however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 5 }), fc.array(fc.nat(40)), async (messages, sizes) => {
        const bytes = Buffer.concat(messages.map((message) => encodeEnvelope(message)));
        const seen: unknown[] = [];
        for await (const { data } of readEnvelopes(cut(bytes, sizes))) seen.push(decodeJson(data));
        expect(JSON.stringify(seen)).toBe(JSON.stringify(messages));
      }),
    );
  });

  const broken: readonly [string, readonly number[]][] = [
    ["a compressed envelope", [1, 0, 0, 0, 2, 123, 125]],
    ["an envelope of 4 GiB", [0, 255, 255, 255, 255, 0]],
    ["what is no JSON", [0, 0, 0, 0, 1, 123]],
  ];
  test.each(broken)("refuses %s", async (_, bytes) => {
    const read = async () => {
      for await (const { data } of readEnvelopes(cut(new Uint8Array(bytes), []))) decodeJson(data);
    };
    await expect(read()).rejects.toThrow();
  });
});

/** One connection to the watch: what it was asked, and what it answers. */
type Script = (response: ServerResponse, asked: Record<string, unknown>) => void;

const vpc = (id: string) => ({ id, name: id, status: { state: "STATE_READY" } });
const change = (kind: string, id: string, cursor: string) =>
  encodeEnvelope({ change: `CHANGE_${kind}`, vpc: vpc(id), cursor });
function end(error?: unknown): Uint8Array {
  const envelope = encodeEnvelope(error === undefined ? {} : { error });
  envelope[0] = 2;
  return envelope;
}

describe("watch()", () => {
  let server: Server;
  let scripts: Script[];
  let asked: Record<string, unknown>[];
  let cloud: PhotonCloud;
  let stop: AbortController;

  beforeEach(async () => {
    stop = new AbortController();
    scripts = [];
    asked = [];
    server = createServer((request, response) => {
      text(request).then(
        (body) => {
          const message: Record<string, unknown> = JSON.parse(body.slice(5));
          asked.push(message);
          response.setHeader("content-type", "application/connect+json");
          scripts.shift()?.(response, message);
        },
        () => response.destroy(),
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const timing = { now: () => Date.now(), sleep: async () => undefined, random: () => 0 };
    cloud = new PhotonCloud({ endpoint, credentials: { token: "t" }, org: "acme", project: "alpha", timing });
  });
  afterEach(() => {
    stop.abort();
    server.closeAllConnections();
    server.close();
  });

  /** What the watch tells; `told` hears of each before the next one is asked for. */
  async function take(count: number, told: (event: string) => void = () => undefined): Promise<string[]> {
    const seen: string[] = [];
    for await (const event of cloud.vpcs.watch({ signal: stop.signal })) {
      const text = event.change === "bookmark" ? "bookmark" : `${event.change} ${event.resource.id}`;
      seen.push(text);
      told(text);
      if (seen.length === count) break;
    }
    return seen;
  }

  test("goes on after its cursor when the connection breaks, ends, or the server says that it stops", async () => {
    const [, stopping] = errorReply("unavailable", "stopping", { reason: "SHUTTING_DOWN" });
    let first: ServerResponse | undefined;
    scripts = [
      (response) => {
        first = response;
        response.write(change("EXISTING", "a", "c1"));
        response.write(change("CREATED", "b", "c2").subarray(0, 9));
      },
      (response) => {
        response.write(change("CREATED", "b", "c2"));
        response.end(end());
      },
      (response) => {
        response.write(encodeEnvelope({ change: "CHANGE_BOOKMARK", cursor: "c3" }));
        response.end(end(stopping));
      },
      (response) => response.destroy(),
      (response) => response.write(change("DELETED", "a", "c4")),
    ];
    const seen = await take(4, (event) => event === "existing a" && first?.destroy());
    expect(seen).toEqual(["existing a", "created b", "bookmark", "deleted a"]);
    expect(asked.map(({ cursor }) => cursor)).toEqual(["", "c1", "c2", "c3", "c3"]);
    expect(asked[0]).toMatchObject({ orgId: "acme", projectId: "alpha", id: "" });
  });

  test("fails on what does not pass by itself", async () => {
    const [, bad] = errorReply("invalid_argument", "too old", { reason: "BAD_CURSOR" });
    scripts = [(response) => response.end(end(bad))];
    await expect(take(1)).rejects.toMatchObject({ code: "invalid_argument", reason: "BAD_CURSOR" });
  });

  test("reads the error of an answer that is no stream", async () => {
    const [status, body] = errorReply("permission_denied", "no", { permission: "network:vpcs:watch" });
    scripts = [
      (response) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body)),
    ];
    await expect(take(1)).rejects.toMatchObject({ code: "permission_denied", permission: "network:vpcs:watch" });
  });

  test("ends without an error when its signal aborts, and closes the connection when the loop is left", async () => {
    const own = new AbortController();
    let closed: Promise<unknown> = Promise.resolve();
    const talk: Script = (response) => {
      closed = once(response, "close");
      response.write(change("EXISTING", "a", "c1"));
    };
    scripts = [talk, talk];
    for await (const _ of cloud.vpcs.watch({ signal: own.signal })) own.abort();
    await closed;
    expect(await take(1)).toEqual(["existing a"]);
    await closed;
  });
});
