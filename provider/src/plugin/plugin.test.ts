// The plugin's edge as Terraform meets it: grpc-js plays Terraform's side.

import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "@jest/globals";
import { createProvider } from "../provider.ts";
import { version } from "../version.ts";
import { type Identity, newIdentity } from "./certificate.ts";
import { GetProviderSchema_Response, StopProvider_Response } from "./gen/tfplugin6.ts";
import { grpcServer, type Mutual } from "./grpc.ts";
import { handshakeLine, listenAddress, readInvitation } from "./handshake.ts";
import { logTime } from "./log.ts";
import type { Method, Methods } from "./method.ts";
import { providerMethods } from "./provider-methods.ts";
import { doorTo, listen, pluginMethods } from "./serve.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const big = Buffer.alloc(20 * 1024 * 1024, 7);

function methods(shutdown = () => {}): Methods {
  const journal = () => Promise.reject(new Error("no create is expected"));
  const provided = providerMethods(createProvider({ env: {}, journal }));
  const own = pluginMethods(shutdown);
  const echo = async (bytes: Buffer) => bytes;
  const fail = async () => {
    throw new Error("ünexpected 100 %");
  };
  /** As many messages as the request's first byte says, then a failure if a second byte is there. */
  async function* count([most = 0, failing]: Buffer) {
    for (let i = 0; i < most; i++) yield Buffer.alloc(64 * 1024, i);
    if (failing !== undefined) throw new Error("in the middle");
  }
  const tests = new Map<string, Method>([
    ["/test/Echo", echo],
    ["/test/Fail", fail],
    ["/test/Count", async (bytes) => count(bytes)],
  ]);
  return { get: (path) => tests.get(path) ?? own.get(path) ?? provided.get(path) };
}

async function serve(mutual: Mutual | undefined, shutdown?: () => void): Promise<string> {
  const server = doorTo(async () => grpcServer(methods(shutdown), mutual));
  const folder = mkdtempSync(join(tmpdir(), "p"));
  closing.push(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return listen(server, folder);
}

/** Connects as Terraform does: trusting exactly the certificate of the handshake. */
function client(address: string, server: Identity | undefined, own: Identity | undefined): grpc.Client {
  const credentials =
    server === undefined
      ? grpc.credentials.createInsecure()
      : grpc.credentials.createSsl(
          Buffer.from(server.certificate),
          own && Buffer.from(own.key),
          own && Buffer.from(own.certificate),
        );
  const made = new grpc.Client(`unix:${address}`, credentials, {
    "grpc.ssl_target_name_override": "localhost",
    "grpc.default_authority": "localhost",
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  closing.unshift(() => made.close());
  return made;
}

function call(from: grpc.Client, path: string, request: Uint8Array = new Uint8Array()): Promise<Buffer> {
  const same = (bytes: Uint8Array) => Buffer.from(bytes);
  return new Promise((resolve, reject) => {
    from.makeUnaryRequest(path, same, same, request, { deadline: Date.now() + 10_000 }, (error, answer) => {
      if (error) reject(error);
      else resolve(answer ?? Buffer.alloc(0));
    });
  });
}

/** Every message of a stream, and how it ended. */
function collect(from: grpc.Client, path: string, request: Uint8Array) {
  const same = (bytes: Uint8Array) => Buffer.from(bytes);
  const messages: Buffer[] = [];
  return new Promise<{ messages: Buffer[]; code: grpc.status; details: string }>((resolve) => {
    const call = from.makeServerStreamRequest(path, same, same, request, { deadline: Date.now() + 10_000 });
    call.on("data", (bytes: Buffer) => messages.push(bytes));
    call.on("error", () => undefined);
    call.on("status", ({ code, details }: grpc.StatusObject) => resolve({ messages, code, details }));
  });
}

describe("with mutual TLS", () => {
  test("serves the holder of the certificate that was announced", async () => {
    const [own, terraform] = [newIdentity(), newIdentity()];
    const from = client(await serve({ own, client: terraform.certificate }), own, terraform);
    const schema = GetProviderSchema_Response.decode(await call(from, "/tfplugin6.Provider/GetProviderSchema"));
    expect(Object.keys(schema.resourceSchemas)).toContain("photoncloud_vpc");
    expect(schema.serverCapabilities?.getProviderSchemaOptional).toBe(true);
    expect(StopProvider_Response.decode(await call(from, "/tfplugin6.Provider/StopProvider")).error).toBe("");
  });

  test("refuses another certificate, and none", async () => {
    const [own, terraform] = [newIdentity(), newIdentity()];
    const address = await serve({ own, client: terraform.certificate });
    await expect(call(client(address, own, newIdentity()), "/test/Echo")).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
    });
    await expect(call(client(address, own, undefined), "/test/Echo")).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
    });
  });

  test("newIdentity() makes a certificate that is its own authority for localhost", () => {
    const certificate = new X509Certificate(newIdentity().der);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect([certificate.ca, certificate.subjectAltName, certificate.subject]).toEqual([
      true,
      "DNS:localhost",
      "CN=localhost",
    ]);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    expect(BigInt(`0x${certificate.serialNumber}`)).toBeGreaterThan(0n);
  });
});

describe("gRPC", () => {
  test("carries messages of twenty megabytes, and many at a time", async () => {
    const from = client(await serve(undefined), undefined, undefined);
    expect((await call(from, "/test/Echo", big)).equals(big)).toBe(true);
    const many = await Promise.all(Array.from({ length: 100 }, (_, i) => call(from, "/test/Echo", Buffer.of(i))));
    expect(many.map((bytes) => bytes[0])).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test("says UNIMPLEMENTED for what it does not know, INTERNAL with the message for what throws", async () => {
    const from = client(await serve(undefined), undefined, undefined);
    await expect(call(from, "/tfplugin6.Provider/ValidateStateStoreConfig")).rejects.toMatchObject({
      code: grpc.status.UNIMPLEMENTED,
    });
    await expect(call(from, "/plugin.GRPCBroker/StartStream")).rejects.toMatchObject({
      code: grpc.status.UNIMPLEMENTED,
    });
    await expect(call(from, "/test/Fail")).rejects.toMatchObject({
      code: grpc.status.INTERNAL,
      details: "ünexpected 100 %",
    });
  });

  test("streams answers as fast as they are taken, and tells of a failure after what was sent", async () => {
    const from = client(await serve(undefined), undefined, undefined);
    const all = await collect(from, "/test/Count", Buffer.of(250));
    expect(all.messages.map((bytes) => [bytes.length, bytes[0]])).toEqual(
      Array.from({ length: 250 }, (_, i) => [64 * 1024, i]),
    );
    expect(all.code).toBe(grpc.status.OK);
    const failed = await collect(from, "/test/Count", Buffer.of(2, 1));
    expect([failed.messages.length, failed.code, failed.details]).toEqual([2, grpc.status.INTERNAL, "in the middle"]);
  });

  test("a request that is no message ends its call alone", async () => {
    const from = client(await serve(undefined), undefined, undefined);
    await expect(call(from, "/tfplugin6.Provider/ReadResource", Buffer.of(0xff, 0xff))).rejects.toMatchObject({
      code: grpc.status.INTERNAL,
    });
    expect(await call(from, "/grpc.health.v1.Health/Check")).toEqual(Buffer.of(8, 1));
  });

  test("Shutdown is answered before the end", async () => {
    let ended = false;
    const from = client(
      await serve(undefined, () => {
        ended = true;
      }),
      undefined,
      undefined,
    );
    await call(from, "/plugin.GRPCController/Shutdown");
    expect(ended).toBe(true);
  });
});

describe("the handshake", () => {
  const cookie = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
  test("readInvitation() takes protocol 6 in any order, and the client's certificate", () => {
    const env = { TF_PLUGIN_MAGIC_COOKIE: cookie, PLUGIN_PROTOCOL_VERSIONS: "6,5", PLUGIN_CLIENT_CERT: "pem" };
    expect(readInvitation(env)).toEqual({ clientCertificate: "pem", socketDirectory: undefined, multiplex: false });
  });
  test.each([
    ["nobody invited us", {}, "Terraform starts it"],
    [
      "there is no common protocol",
      { TF_PLUGIN_MAGIC_COOKIE: cookie, PLUGIN_PROTOCOL_VERSIONS: "5" },
      "needs Terraform 1.0",
    ],
  ])("readInvitation() refuses when %s", (_name, env, sentence) => {
    expect(() => readInvitation(env)).toThrow(sentence);
  });
  test("handshakeLine() names network and address, and the certificate without padding", () => {
    expect(handshakeLine("/tmp/plugin1", undefined, false)).toBe("1|6|unix|/tmp/plugin1|grpc|\n");
    const own = newIdentity();
    const [, , network, address, , certificate = ""] = handshakeLine("127.0.0.1:1", own, false).trim().split("|");
    expect([network, address, certificate.includes("=")]).toEqual(["tcp", "127.0.0.1:1", false]);
    expect(Buffer.from(certificate, "base64").equals(own.der)).toBe(true);
    expect(handshakeLine("/tmp/plugin1", undefined, true)).toContain("|false");
  });
  test("listenAddress() takes TCP where a socket's path would be too long", () => {
    expect(listenAddress("/tmp")).toHaveProperty("path");
    expect(listenAddress(`/tmp/${"long/".repeat(30)}`)).toEqual({ host: "127.0.0.1", port: 0 });
  });
  test("logTime() has six digits, as Terraform's logs want", () => {
    expect(logTime(new Date(0))).toBe("1970-01-01T00:00:00.000000Z");
  });
});

test("the provider's version is its package's", async () => {
  const { readFileSync } = await import("node:fs");
  const manifest: unknown = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
  expect(manifest).toMatchObject({ version });
  expect(existsSync(join(import.meta.dirname, "gen/tfplugin6.ts"))).toBe(true);
});
