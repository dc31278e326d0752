// One port for both versions of HTTP, in the clear and over TLS; clients that dawdle are let go.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { get } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { devCertificates } from "../dev-certificates.ts";
import type { HttpHandler } from "./http.ts";
import { type Listener, listen } from "./listen.ts";

const echo: HttpHandler = (request, response) => {
  response.setHeader("content-type", "text/plain");
  response.end(`HTTP/${request.httpVersion} ${request.url}`);
};

let folder: string;
let plain: Listener;
let secure: Listener;
let ca: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "photon-listen-"));
  const { cert, key, caFile } = await devCertificates(folder, [], Date.now());
  ca = readFileSync(caFile, "utf8");
  plain = await listen(echo, { host: "127.0.0.1", port: 0 });
  secure = await listen(echo, { host: "127.0.0.1", port: 0, tls: { cert, key } });
});
afterAll(async () => {
  await Promise.all([plain.close(), secure.close()]);
  rmSync(folder, { recursive: true });
});

async function overHttp2(url: string): Promise<string> {
  const session = connectHttp2(url, { ca });
  const stream = session.request({ ":path": "/two" });
  let body = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    body += text;
  });
  await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
  session.close();
  return body;
}

function overTls(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(`${url}/one`, { ca, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve(body));
    }).on("error", reject);
  });
}

test("the plain port speaks HTTP/1.1 and HTTP/2", async () => {
  expect(await (await fetch(`${plain.url}/one`)).text()).toBe("HTTP/1.1 /one");
  expect(await overHttp2(plain.url)).toBe("HTTP/2.0 /two");
});

test("the TLS port speaks both, as negotiated", async () => {
  expect(secure.url).toMatch(/^https:/);
  expect(await overTls(secure.url)).toBe("HTTP/1.1 /one");
  expect(await overHttp2(secure.url)).toBe("HTTP/2.0 /two");
});

test("a preface that comes byte by byte is still known, and so is a request that begins like it", async () => {
  for (const [text, answer] of [
    ["PUT /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 /x"],
    ["GET /y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 /y"],
  ] as const) {
    const socket = connect(plain.port, "127.0.0.1");
    let seen = "";
    socket.on("data", (chunk) => {
      seen += chunk;
    });
    for (const byte of text) await new Promise((done) => socket.write(byte, done));
    await new Promise((done) => socket.once("close", done));
    expect(seen).toContain(answer);
  }
});

test("headers that are too large are refused", async () => {
  const response = await fetch(plain.url, { headers: { "x-much": "x".repeat(20_000) } });
  expect(response.status).toBe(431);
});

test("certificates are used again until they end or the names change", async () => {
  const first = await devCertificates(folder, [], Date.now());
  expect((await devCertificates(folder, [], Date.now())).cert).toBe(first.cert);
  const named = await devCertificates(folder, ["cloud.example"], Date.now());
  expect(named.cert).not.toBe(first.cert);
  const nextYear = Date.now() + 395 * 86_400_000;
  expect((await devCertificates(folder, ["cloud.example"], nextYear)).cert).not.toBe(named.cert);
});
