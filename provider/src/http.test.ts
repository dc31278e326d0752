import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "@jest/globals";
import type { HttpRequest } from "@photoncloud/sdk/calls";
import { PlainHttp } from "./http.ts";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function serving(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  path = "",
): Promise<PlainHttp> {
  const listening = createServer(answer);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const address = listening.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return new PlainHttp({ endpoint: `http://127.0.0.1:${port}${path}`, ca: undefined, userAgent: "test/1" });
}

const post = (more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: "POST",
  url: "/a.v1.AService/Get",
  data: '{"name":"ü"}',
  headers: { Authorization: "Bearer secret" },
  signal: new AbortController().signal,
  ...more,
});

test("request() sends the body whole, behind the endpoint's path, over one connection", async () => {
  const sockets = new Set();
  const http = await serving((request, response) => {
    sockets.add(request.socket);
    const { authorization, "user-agent": agent } = request.headers;
    response.setHeader("photon-receipt", "settled");
    void text(request).then((body) => response.end(JSON.stringify({ url: request.url, body, authorization, agent })));
  }, "/cloud");
  for (let i = 0; i < 3; i++) {
    const { data, headers } = await http.request(post());
    expect(data).toEqual({
      url: "/cloud/a.v1.AService/Get",
      body: '{"name":"ü"}',
      authorization: "Bearer secret",
      agent: "test/1",
    });
    expect(headers["photon-receipt"]).toBe("settled");
  }
  expect(sockets.size).toBe(1);
});

test("request() throws what was answered, and nothing of what was asked", async () => {
  const http = await serving((_, response) => {
    response.writeHead(409, { "retry-after": "3" }).end('{"code":"aborted"}');
  });
  const thrown: unknown = await http.request(post()).catch((error: unknown) => error);
  expect(thrown).toMatchObject({
    isAxiosError: true,
    response: { status: 409, data: { code: "aborted" }, headers: { "retry-after": "3" } },
  });
  expect(JSON.stringify(thrown)).not.toContain("secret");
});

test("request() throws Node's code where nobody answers", async () => {
  const http = new PlainHttp({ endpoint: "http://127.0.0.1:1", ca: undefined, userAgent: "" });
  await expect(http.request(post())).rejects.toMatchObject({ isAxiosError: true, code: "ECONNREFUSED" });
});

test("request() ends when its signal aborts", async () => {
  const http = await serving(() => {});
  const stop = new AbortController();
  const asked = http.request(post({ signal: stop.signal }));
  stop.abort();
  await expect(asked).rejects.toMatchObject({ isAxiosError: true });
});

test("request() throws where an answer breaks off", async () => {
  const http = await serving((_, response) => {
    response.writeHead(200, { "content-length": "100" }).write("{");
    response.destroy();
  });
  await expect(http.request(post())).rejects.toMatchObject({ isAxiosError: true, code: "ECONNRESET" });
});
