// Pages that services write themselves: what reaches them, what the log tells, and who gets past the permit.
import { once } from "node:events";
import { createServer } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { Fault } from "../fault.ts";
import { jsonAnswer, type WebHandler } from "../services/web.ts";
import { createHttpHandler } from "./http.ts";

let close: () => void = () => undefined;
afterEach(() => close());

/** A server of these pages alone, with what it logs. */
async function serve(handle: WebHandler) {
  const lines: string[] = [];
  const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
  const permit = () => Promise.reject(new Fault("PERMISSION_DENIED", "not here"));
  const http = createHttpHandler({ handlers: new Map(), pages: new Map(), log, web: { handle, log, permit } });
  const server = createServer(http.handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, lines };
}

describe("a page", () => {
  test("is told the whole request, of which the log has the path alone", async () => {
    const { url, lines } = await serve(async ({ method, url, body, headers, token }) =>
      jsonAnswer(200, { method, query: url.search, body, type: headers["content-type"], token }),
    );
    const answer = await fetch(`${url}/oauth2/token?code=canary-code`, {
      method: "POST",
      headers: { authorization: "Bearer canary-token", "content-type": "text/plain" },
      body: "canary-body",
    });
    expect(await answer.json()).toEqual({
      method: "POST",
      query: "?code=canary-code",
      body: "canary-body",
      type: "text/plain",
      token: "canary-token",
    });
    expect(answer.headers.get("x-request-id")).toMatch(/./);
    expect(lines.join()).toContain("POST /oauth2/token");
    expect(lines.join()).not.toContain("canary");
  });

  test("that nobody serves is missing, as ever", async () => {
    const { url } = await serve(() => undefined);
    expect((await fetch(`${url}/scim/v2/acme/Users`)).status).toBe(404);
    expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
  });

  test("that fails says no more than the request's id", async () => {
    const { url, lines } = await serve(() => Promise.reject(new Error("canary-inside")));
    const answer = await fetch(`${url}/oauth2/authorize`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain("canary");
    expect(lines.join()).toContain("a page could not be answered");
  });

  test("is told when its caller has gone, and not before", async () => {
    const { promise, resolve } = Promise.withResolvers<AbortSignal>();
    const { url } = await serve(({ signal }) => {
      resolve(signal);
      return new Promise(() => undefined);
    });
    const caller = new AbortController();
    const asking = fetch(`${url}/oauth2/token`, { method: "POST", body: "a=b", signal: caller.signal });
    const signal = await promise;
    expect(signal.aborted).toBe(false);
    const gone = once(signal, "abort");
    caller.abort();
    await expect(asking).rejects.toThrow();
    await gone;
  });

  test("takes a mebibyte and no more", async () => {
    const { url } = await serve(async ({ body }) => jsonAnswer(200, body.length));
    const put = (size: number) => fetch(`${url}/scim/v2/acme/Groups`, { method: "POST", body: "x".repeat(size) });
    expect(await (await put(1024 * 1024)).json()).toBe(1024 * 1024);
    expect((await put(1024 * 1024 + 1)).status).toBe(429);
  });
});
