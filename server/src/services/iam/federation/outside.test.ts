// Asking issuers: where nobody may be asked, how much and how long, and that one that hangs holds up nobody else.
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import { systemClock } from "../../../clock.ts";
import { faultOf } from "../testing/world.ts";
import { issuerProblem } from "./issuer.ts";
import { Issuers } from "./issuers.ts";
import { createOutsideFetch } from "./outside.ts";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

const open = createOutsideFetch({ privateIssuers: true });
const strict = createOutsideFetch({ privateIssuers: false });

describe("issuerProblem()", () => {
  test.each([
    ["https://login.acme.example", undefined],
    ["https://login.acme.example/tenant/", undefined],
    ["http://login.acme.example", "https"],
    ["https://127.0.0.1", "private"],
    ["https://[::1]:8443", "private"],
    ["https://10.1.2.3", "private"],
    ["https://169.254.169.254", "private"],
    ["https://[::ffff:10.0.0.1]", "private"],
    ["https://localhost", "private"],
    ["http://127.0.0.1:8080", "https"],
    ["https://user@acme.example", "user"],
    ["https://acme.example/?a", "query"],
    ["https://acme.example/#a", "fragment"],
    ["ftp://acme.example", "https"],
    ["acme.example", "absolute"],
  ])("of %s is %s", (issuer, problem) => {
    const found = issuerProblem(issuer, { privateIssuers: false });
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(problem);
  });

  test("takes http on the loopback alone where private issuers are allowed", () => {
    expect(issuerProblem("http://127.0.0.1:8080", { privateIssuers: true })).toBeUndefined();
    expect(issuerProblem("http://10.0.0.1", { privateIssuers: true })).toContain("https");
  });
});

describe("the fetch", () => {
  test("never asks a private address, nor one that a name hides", async () => {
    let asked = 0;
    const url = await serve((_request, response) => {
      asked += 1;
      response.end();
    });
    for (const address of [url, url.replace("http:", "https:"), "https://localhost:1/", "https://localtest.invalid/"])
      expect((await faultOf(strict(address))).reason).toBe("BACKEND_UNAVAILABLE");
    expect(asked).toBe(0);
  });

  test("follows no redirect, and reads half a mebibyte at most", async () => {
    const url = await serve((request, response) => {
      if (request.url === "/away") response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
      else response.end("x".repeat(600 * 1024));
    });
    expect((await open(`${url}/away`)).status).toBe(302);
    expect((await faultOf(open(`${url}/large`))).reason).toBe("BACKEND_UNAVAILABLE");
  });

  test("holds so many questions to one that hangs, and others are asked meanwhile", async () => {
    const hanging = await serve(() => undefined);
    const well = await serve((_request, response) => response.end("well"));
    const held = Array.from({ length: 8 }, () => open(hanging).catch(() => undefined));
    expect((await faultOf(open(hanging))).message).toContain("too much");
    expect(await (await open(well)).text()).toBe("well");
    for (const server of servers) server.closeAllConnections();
    await Promise.all(held);
  });
});

describe("Issuers", () => {
  async function issuerWith(more: Record<string, unknown> = {}) {
    const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" };
    const asked: string[] = [];
    const url: string = await serve((request, response) => {
      asked.push(request.url ?? "");
      const isKeys = request.url === "/keys";
      const metadata = { issuer: url, jwks_uri: `${url}/keys`, token_endpoint: `${url}/token`, ...more };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(isKeys ? { keys: [jwk] } : metadata));
    });
    return { url, asked, privateKey };
  }

  test("reads keys again for a key id that is unknown, but not for each", async () => {
    const { url, asked, privateKey } = await issuerWith();
    const issuers = new Issuers(open, systemClock);
    const sign = (kid: string) => new SignJWT({}).setProtectedHeader({ alg: "ES256", kid }).sign(privateKey);
    const { keys } = await issuers.get(url);
    await jwtVerify(await sign("one"), keys);
    for (let left = 5; left > 0; left--) {
      const forged = await sign(`unknown-${left}`);
      expect(decodeProtectedHeader(forged).kid).toBe(`unknown-${left}`);
      await expect(jwtVerify(forged, keys)).rejects.toThrow();
    }
    expect(asked.filter((path) => path === "/keys").length).toBeLessThanOrEqual(2);
    await issuers.get(url);
    expect(asked.filter((path) => path.includes("well-known"))).toHaveLength(1);
  });

  test.each([
    ["says that it is another (OpenID Connect Discovery 1.0, section 4.3)", { issuer: "https://elsewhere.test" }],
    ["names no keys", { jwks_uri: undefined }],
  ])("refuses one that %s", async (_name, more) => {
    const { url } = await issuerWith(more);
    expect((await faultOf(new Issuers(open, systemClock).get(url))).reason).toBe("BACKEND_UNAVAILABLE");
  });

  test("asks at no private address for keys, wherever its metadata is", async () => {
    const { url } = await issuerWith({ jwks_uri: "http://10.0.0.1/keys" });
    const { keys } = await new Issuers(open, systemClock).get(url);
    await expect(jwtVerify("eyJhbGciOiJFUzI1NiIsImtpZCI6Im9uZSJ9.e30.AAAA", keys)).rejects.toThrow();
  });
});
