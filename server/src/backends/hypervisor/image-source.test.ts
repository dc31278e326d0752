// URLs that tenants give, and the servers behind them.
import { createServer, type RequestListener, type Server } from "node:http";
import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "@jest/globals";
import { fetchImage } from "./image-source.ts";

const { signal } = new AbortController();
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it listens nowhere");
  return `http://127.0.0.1:${address.port}`;
}

const redirect = (to: string) => serve((_, response) => void response.writeHead(302, { location: to }).end());
const allowed = { privateSources: true };

test("fetchImage() answers the bytes, also behind redirects", async () => {
  const there = await serve((_, response) => void response.end("bytes"));
  const first = await redirect(`${there}/image`);
  expect((await buffer(await fetchImage(`${first}/x`, allowed, signal))).toString()).toBe("bytes");
});

describe("fetchImage() without the operator's leave", () => {
  test.each([
    ...["http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://[::ffff:127.0.0.1]:1/"],
    ...[
      "http://169.254.169.254/latest/meta-data",
      "http://10.0.0.1/",
      "http://192.168.0.1/",
      "http://0/",
      "http://2130706433/",
    ],
  ])("does not ask %s", async (url) => {
    const refused = fetchImage(url, { privateSources: false }, signal);
    await expect(refused).rejects.toMatchObject({ reason: "refused", status: "SourceForbidden" });
  });
});

test.each(["file:///etc/passwd", "ftp://images.example/x", "gopher://x/", "data:,x"])(
  "fetchImage() follows no redirect to %s",
  async (to) => {
    const url = await redirect(to);
    const refused = fetchImage(url, allowed, signal);
    await expect(refused).rejects.toMatchObject({ reason: "refused", status: "SourceForbidden" });
  },
);

test("fetchImage() says that a server can't be reached, answers something else, or sends it around", async () => {
  const gone = await serve(() => undefined);
  for (const server of servers.splice(0)) server.close();
  const missing = await serve((_, response) => void response.writeHead(404).end());
  const around = await serve(
    (request, response) => void response.writeHead(302, { location: `${request.url}x` }).end(),
  );
  for (const [url, words] of [
    [gone, "can't be reached"],
    [missing, "answers 404"],
    [around, "redirects more than"],
  ] as const) {
    const failed = fetchImage(url, allowed, signal);
    await expect(failed).rejects.toMatchObject({
      reason: "unavailable",
      status: "SourceUnreachable",
      message: expect.stringContaining(words),
    });
  }
});
