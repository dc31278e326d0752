// Too much of everything: streams, connections that dawdle, names that are never said twice. Each has its limit; the memory has one, too; and
// whoever behaves is served all the while.
import { type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { postJson } from "@photoncloud/server/testing";
import { ServerProcess, until } from "../terraform/server-process.ts";

const list = "/prismnet.v1.VpcService/ListVpcs";
const megabyte = 1_000_000;

const cloud = new ServerProcess();
const scope = { orgId: "acme", projectId: "alpha" };
let admin: string;
let other: string;
beforeAll(async () => {
  await cloud.start();
  admin = await cloud.token();
  await cloud.call("iam.v1.OrgService/CreateOrg", { id: "acme" });
  await cloud.call("iam.v1.ProjectService/CreateProject", { orgId: "acme", id: "alpha" });
  await cloud.call("iam.v1.UserService/CreateUser", { orgId: "acme", id: "bob" });
  await cloud.call("iam.v1.RoleBindingService/CreateRoleBinding", {
    ...scope,
    principal: "user:acme/bob",
    roleId: "ProjectViewer",
  });
  other = String((await cloud.call("iam.v1.IamTokenService/IssueToken", { orgId: "acme", principalId: "bob" })).token);
});
afterAll(() => cloud.close());

/** Bytes that the server holds. */
async function memory(): Promise<number> {
  const page = await (await fetch(`${cloud.url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(page)?.[1]);
}

async function isServed(token: string): Promise<void> {
  expect(await postJson(cloud.url, list.slice(1), scope, token)).toMatchObject({ status: 200 });
}

/** Opens streams of a method; answers how many were refused (for being too many) and how to close the rest. */
async function openStreams(path: string, body: string, token: string, count: number) {
  const sessions = [0, 1].map(() => connectHttp2(cloud.url));
  const message = Buffer.from(body);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  let refused = 0;
  let settled = 0;
  const open = (i: number): ClientHttp2Stream => {
    const session = sessions[i % 2] ?? connectHttp2(cloud.url);
    const bearer = token === "" ? {} : { authorization: `Bearer ${token}` };
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/connect+json",
      ...bearer,
    });
    stream.once("data", (chunk: Buffer) => {
      settled += 1;
      if (chunk.includes("resource_exhausted")) refused += 1;
    });
    stream.on("error", () => undefined).end(Buffer.concat([frame, message]));
    return stream;
  };
  for (let i = 0; i < count; i += 1) open(i);
  await until("all streams to be answered", async () => settled === count);
  const close = () => {
    for (const session of sessions) session.destroy();
  };
  return { refused, close };
}

test("streams of one principal are 256 at most, and others have their own", async () => {
  const watch = "/prismnet.v1.VpcService/WatchVpcs";
  const { refused, close } = await openStreams(watch, JSON.stringify(scope), admin, 300);
  expect(refused).toBe(44);
  const others = await openStreams(watch, JSON.stringify(scope), other, 10);
  expect(others.refused).toBe(0);
  await isServed(admin);
  others.close();
  close();
  await until("the places to be free again", async () => {
    const again = await openStreams(watch, JSON.stringify(scope), admin, 200);
    again.close();
    return again.refused === 0;
  });
});

test("streams that need no token are 256 at most for one address", async () => {
  const { refused, close } = await openStreams("/grpc.health.v1.Health/Watch", "{}", "", 300);
  expect(refused).toBe(44);
  await isServed(other);
  close();
});

test("names that are never said twice leave nothing behind", async () => {
  const before = await memory();
  for (let i = 0; i < 25; i += 1) {
    const name = `${i}`.padEnd(megabyte, "x");
    const calls: readonly [string, object, string][] = [
      [list.slice(1), { orgId: name, projectId: "alpha" }, other],
      [list.slice(1), { orgId: "acme", projectId: name }, other],
      ["prismnet.v1.VpcService/DeleteVpc", { ...scope, id: name }, other],
      ["iam.v1.IamAuthzService/Authorize", { action: name, resource: "org/acme" }, other],
      ["iam.v1.IamTokenService/IssueToken", { orgId: "acme", principalId: name, password: "wrong" }, ""],
    ];
    for (const [method, body, token] of calls)
      expect((await postJson(cloud.url, method, body, token)).status).toBeGreaterThanOrEqual(400);
  }
  // All that was said is 125 MB, and kept it would be there many times; what is not yet collected of it may stay for a while.
  await until("what was said to be forgotten", async () => {
    await isServed(other);
    return (await memory()) - before < 150 * megabyte;
  });
});

test("streams that are opened and reset by the thousand leave the server as it was", async () => {
  const before = await memory();
  const session = connectHttp2(cloud.url).on("error", () => undefined);
  for (let i = 0; i < 5_000 && !session.destroyed; i += 1) {
    const stream = session.request({ ":method": "POST", ":path": list, "content-type": "application/json" });
    stream.on("error", () => undefined).close(8);
    if (i % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
  }
  await isServed(other);
  session.destroy();
  expect((await memory()) - before).toBeLessThan(100 * megabyte);
});

test("connections that dawdle are closed, while others are served", async () => {
  const port = Number(new URL(cloud.url).port);
  const beginnings = ["", "P", `POST ${list} HTTP/1.1\r\nHost: x\r\nX-Slow: `, "PRI * HTTP/2.0\r\n"];
  const sockets: Socket[] = Array.from({ length: 200 }, (_, i) => {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    socket.write(beginnings[i % beginnings.length] ?? "");
    return socket;
  });
  const drip = setInterval(() => {
    for (const [i, socket] of sockets.entries()) if (i % 4 === 2 && socket.writable) socket.write("x");
  }, 500);
  await isServed(other);
  await until("all of them to be closed", async () => sockets.every((socket) => socket.closed));
  clearInterval(drip);
  await isServed(other);
}, 40_000);
