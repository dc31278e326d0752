import { once } from "node:events";
import { Agent, createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createHttp } from "./http.ts";

const server = createServer({ keepAliveTimeout: 30_000 }, (_, response) => void response.end("{}"));
beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
});
afterAll(async () => {
  server.closeAllConnections();
  await once(server.close(), "close");
});

test("a connection is kept until shortly before the server would close it", async () => {
  const address = server.address();
  const http = createHttp({ endpoint: `http://127.0.0.1:${typeof address === "object" && address?.port}` });
  const agent: unknown = http.defaults.httpAgent;
  if (!(agent instanceof Agent)) throw new Error("no agent");
  const freed = once(agent, "free");
  await http.post("/", {});
  await freed;
  const kept = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
  expect(kept.map(({ timeout }) => timeout)).toEqual([29_000]);
});
