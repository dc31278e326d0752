// An agent in the place of a guest's: honest, silent, hostile.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { askGuest } from "./agent.ts";
import { recordOf } from "./qmp.ts";

const root = mkdtempSync(join(tmpdir(), "pa-"));
const path = join(root, "qga");
let server: Server;
const open = new Set<Socket>();
let answer: (execute: string, args: Record<string, unknown> | undefined) => string | Buffer = () => "";

beforeEach(async () => {
  server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    const lines = createInterface({ input: socket.setEncoding("latin1") });
    lines.on("line", (line) => {
      const message = recordOf(JSON.parse(line.replaceAll("\xff", ""))) ?? {};
      socket.write(answer(String(message.execute), recordOf(message.arguments)));
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
});
afterEach(async () => {
  for (const socket of open) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(path, { force: true });
});

const line = (value: unknown) => `${JSON.stringify({ return: value })}\n`;
const honest =
  (hostname: unknown, os: unknown) =>
  (execute: string, args: Record<string, unknown> | undefined): string | Buffer => {
    if (execute === "guest-sync-delimited") return Buffer.from(`\xff${line(args?.id)}`, "latin1");
    return execute === "guest-get-host-name" ? line({ "host-name": hostname }) : line({ "pretty-name": os });
  };

test("askGuest() tells the guest's name and system", async () => {
  answer = honest("web-1", "Debian GNU/Linux 12 (bookworm)");
  expect(await askGuest(path)).toEqual({ hostname: "web-1", os: "Debian GNU/Linux 12 (bookworm)" });
});

test("askGuest() passes over half an answer of an earlier conversation", async () => {
  const inner = honest("web-1", "Debian");
  answer = (execute, args) =>
    execute === "guest-sync-delimited"
      ? Buffer.concat([Buffer.from('{"return": 7}\n{"retu\n'), Buffer.from(inner(execute, args))])
      : inner(execute, args);
  expect(await askGuest(path)).toEqual({ hostname: "web-1", os: "Debian" });
});

test.each([
  ["says nothing", ""],
  ["talks without an end", "x".repeat(10_000_000)],
  ["never answers the right number", line(1).repeat(20_000)],
])("askGuest() gives up on a guest that %s", async (_, words) => {
  answer = () => words;
  expect(await askGuest(path, 200)).toBeUndefined();
});

test("askGuest() takes no words that steer a terminal, are long or are no words", async () => {
  answer = honest(`\u001b[2J${"a".repeat(1000)}`, { toString: 1 });
  const words = await askGuest(path);
  expect(words?.hostname).toBe(`[2J${"a".repeat(252)}`);
  expect(words?.os).toBe("");
});

test("askGuest() is undefined where nobody listens", async () => {
  expect(await askGuest(join(root, "nowhere"), 200)).toBeUndefined();
});
