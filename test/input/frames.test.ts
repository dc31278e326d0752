// Bytes that are no message: broken protobuf, gRPC frames that lie, bombs, and HTTP that is none. Each is refused, and the server goes on.
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { postJson } from "@photoncloud/server/testing";
import { ServerProcess } from "../terraform/server-process.ts";

const list = "/prismnet.v1.VpcService/ListVpcs";
const get = "/prismnet.v1.VpcService/GetVpc";
const patienceMs = 10_000;

/** A process of its own: its memory is its alone, and errors of zlib look there as they do in production. */
const cloud = new ServerProcess();
const tenant = { orgId: "acme", projectId: "alpha", token: "" };
beforeAll(async () => {
  await cloud.start();
  tenant.token = await cloud.token();
  await cloud.call("iam.v1.OrgService/CreateOrg", { id: tenant.orgId });
  await cloud.call("iam.v1.ProjectService/CreateProject", { orgId: tenant.orgId, id: tenant.projectId });
});
afterAll(() => cloud.close());

/** Bytes that the server holds. */
async function memory(): Promise<number> {
  const page = await (await fetch(`${cloud.url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(page)?.[1]);
}

async function isAlive(): Promise<void> {
  const { orgId, projectId, token } = tenant;
  expect(await postJson(cloud.url, list.slice(1), { orgId, projectId }, token)).toMatchObject({ status: 200 });
}

describe("a binary body", () => {
  const bodies: readonly [string, Buffer][] = [
    ["that ends in the middle of a field", Buffer.from([0x0a, 0x7f, 0x61])],
    ["with a length of two gigabytes", Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x61])],
    ["with a field of number 0", Buffer.from([0x00, 0x01])],
    ["with an endless varint", Buffer.alloc(20, 0xff)],
    ["with a wire type that is none", Buffer.from([0x0f])],
    ["with bytes that are no UTF-8", Buffer.from([0x0a, 4, 0x61, 0xff, 0xfe, 0x61])],
    ["with a lone surrogate in UTF-8", Buffer.from([0x0a, 3, 0xed, 0xa0, 0x80])],
    ["with a million groups in one another", Buffer.alloc(2_000_000, Buffer.from([0x9b, 0x06]))],
  ];
  test.each(bodies)("%s is refused", async (_, body) => {
    const headers = { "content-type": "application/proto", authorization: `Bearer ${tenant.token}` };
    const response = await fetch(cloud.url + get, { method: "POST", headers, body: new Uint8Array(body) });
    expect(await response.json()).toMatchObject({ code: "invalid_argument" });
    await isAlive();
  });
});

describe("a compressed body", () => {
  const spaces = Buffer.alloc(200_000_000, 0x20);
  const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
  const bodies: readonly [string, string, Buffer, string][] = [
    ["that is a bomb of gzip", "gzip", gzipSync(spaces, { level: 1 }), "resource_exhausted"],
    ["that is a bomb of brotli", "br", brotliCompressSync(spaces, quick), "resource_exhausted"],
    ["that is not compressed", "gzip", Buffer.from("{}"), "invalid_argument"],
    ["that ends too soon", "gzip", gzipSync(Buffer.from("{}")).subarray(0, 12), "invalid_argument"],
    ["in a way that nobody knows", "zstd", Buffer.from("{}"), "unimplemented"],
  ];
  test.each(bodies)("%s is refused", async (_, encoding, body, code) => {
    const before = await memory();
    const headers = {
      "content-type": "application/json",
      "content-encoding": encoding,
      authorization: `Bearer ${tenant.token}`,
    };
    const response = await fetch(cloud.url + list, { method: "POST", headers, body: new Uint8Array(body) });
    expect(await response.json()).toMatchObject({ code });
    expect((await memory()) - before).toBeLessThan(100_000_000);
    await isAlive();
  });
});

/** A gRPC frame with the flag and the length that it says. */
function frame(flag: number, length: number, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, body]);
}

/** Sends bytes as a gRPC call; answers the status. */
function grpc(bytes: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const session = connectHttp2(cloud.url);
  const late = setTimeout(() => reject(new Error("no status came")), patienceMs);
  const bearer = { authorization: `Bearer ${tenant.token}`, te: "trailers", "content-type": "application/grpc" };
  const stream = session.request({ ":method": "POST", ":path": list, ...bearer, ...headers });
  const seen = (more: IncomingHttpHeaders) => {
    if (more["grpc-status"] !== undefined) resolve(String(more["grpc-status"]));
  };
  stream.on("response", seen).on("trailers", seen).on("error", reject).resume().end(bytes);
  session.on("error", reject);
  return promise.finally(() => {
    clearTimeout(late);
    session.destroy();
  });
}

describe("a gRPC frame", () => {
  const [invalid, exhausted, unimplemented] = ["3", "8", "12"];
  const bomb = gzipSync(Buffer.alloc(200_000_000), { level: 1 });
  const none = Buffer.alloc(0);
  const frames: readonly [string, Buffer, Readonly<Record<string, string>>, string | undefined][] = [
    ["said to be compressed, without a word of how", frame(1, 2, Buffer.from([1, 2])), {}, invalid],
    ["with all flags", frame(0xff, 2, Buffer.from([1, 2])), {}, invalid],
    ["that is not compressed as it says", frame(1, 2, Buffer.from([1, 2])), { "grpc-encoding": "gzip" }, invalid],
    [
      "compressed in a way that nobody knows",
      frame(1, 1, Buffer.from([1])),
      { "grpc-encoding": "zstd" },
      unimplemented,
    ],
    ["that is a bomb", frame(1, bomb.length, bomb), { "grpc-encoding": "gzip" }, exhausted],
    ["of four gigabytes, it says", frame(0, 2 ** 32 - 1, Buffer.from([1, 2])), {}, exhausted],
    ["of five megabytes", frame(0, 5_000_000, Buffer.alloc(5_000_000)), {}, exhausted],
    ["longer than what follows", frame(0, 100, Buffer.from([1, 2])), {}, invalid],
    ["shorter than what follows", frame(0, 1, Buffer.from([0x0a, 2, 3])), {}, invalid],
    ["cut in its head", Buffer.from([0, 0]), {}, invalid],
    ["that is not there", none, {}, unimplemented],
    ["beside another", Buffer.concat([frame(0, 0, none), frame(0, 0, none)]), {}, unimplemented],
    ["with a deadline that is none", frame(0, 0, none), { "grpc-timeout": "soon" }, invalid],
    ["with a deadline of ten thousand years", frame(0, 0, none), { "grpc-timeout": "99999999H" }, invalid],
  ];
  test.each(frames)("%s is refused", async (_, bytes, headers, status) => {
    expect(await grpc(bytes, headers)).toBe(status);
    await isAlive();
  });
});

/** Sends text over TCP; answers what came back until the server closed, or until the first line where it keeps the connection. */
function raw(text: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(Number(new URL(cloud.url).port), "127.0.0.1");
  const late = setTimeout(() => reject(new Error(`no answer to ${text.slice(0, 60)}`)), patienceMs);
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk;
    if (answer.includes("\r\n")) resolve(answer);
  });
  socket
    .on("error", reject)
    .on("close", () => resolve(answer))
    .write(text);
  return promise.finally(() => {
    clearTimeout(late);
    socket.destroy();
  });
}

describe("over HTTP/1.1", () => {
  const post = (headers: string, body = "{}") =>
    `POST ${list} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;
  const requests: readonly [string, () => string, string][] = [
    [
      "a host that is none",
      () => post(`Authorization: Bearer ${tenant.token}\r\nContent-Length: 2`).replace("Host: x", "Host: ["),
      "400",
    ],
    ["no host", () => post("Content-Length: 2").replace("Host: x\r\n", ""), "400"],
    ["two lengths", () => post("Content-Length: 2\r\nContent-Length: 3", "{} "), "400"],
    ["a length and chunks", () => post("Content-Length: 2\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), "400"],
    ["a chunk of no size", () => post("Transfer-Encoding: chunked", "x\r\n{}\r\n0\r\n\r\n"), "40[01]"],
    [
      "a token after another",
      () => post(`Authorization: Bearer x\r\nAuthorization: Bearer ${tenant.token}\r\nContent-Length: 2`),
      "401",
    ],
    ["headers of 20,000 bytes", () => post(`X-Long: ${"a".repeat(20_000)}\r\nContent-Length: 2`), "431"],
    ["another server's address", () => post("Content-Length: 2").replace(list, `http://evil.example${list}`), "404"],
    ["a path upwards", () => "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "404"],
    ["a method that is read", () => `GET ${list}?message=%7B%7D&encoding=json HTTP/1.1\r\nHost: x\r\n\r\n`, "405"],
    ["an upgrade", () => "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "404"],
    ["garbage", () => "\u0000\u0001garbage\r\n\r\n", "400"],
  ];
  test.each(requests)("%s is refused", async (_, request, status) => {
    expect(await raw(request())).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    await isAlive();
  });

  test("a tunnel is closed without a word", async () => {
    expect(await raw("CONNECT evil.example:80 HTTP/1.1\r\nHost: x\r\n\r\n")).toBe("");
    await isAlive();
  });
});
