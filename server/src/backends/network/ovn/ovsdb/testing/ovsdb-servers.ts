// Real ovsdb-server processes on this machine, for tests and benchmarks: one alone or a cluster, without root.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { TlsFiles } from "../database.ts";

const run = promisify(execFile);
export const northboundSchema = "/usr/share/ovn/ovn-nb.ovsschema";
/** A machine with other work takes a second or two to start a process. */
const startMs = 15_000;

export interface OvsdbServer {
  readonly remote: string;
  /** Starts it, or starts it again with what it has on its disk. */
  start(): Promise<void>;
  /** Ends it as a power cut does. */
  kill(): Promise<void>;
  /** Sends a command to its control socket. */
  control(...command: readonly string[]): Promise<string>;
}

export interface OvsdbServers extends AsyncDisposable {
  /** Where its files are. */
  readonly dir: string;
  readonly servers: readonly OvsdbServer[];
  /** All of them, as a client takes it. */
  readonly remote: string;
}

/** Whether there is an ovsdb-server with OVN's schema. */
export function ovsdbMissing(): string | undefined {
  if (!existsSync(northboundSchema)) return "OVN is not installed";
  return existsSync("/usr/sbin/ovsdb-server") ? undefined : "ovsdb-server is not installed";
}

/** Starts one server with an empty Northbound database; by TLS where certificates are given. */
export async function startServer(tls?: (dir: string) => Promise<TlsFiles>): Promise<OvsdbServers> {
  const dir = mkdtempSync("/tmp/po-");
  await run("ovsdb-tool", ["create", join(dir, "1.db"), northboundSchema]);
  const files = await tls?.(dir);
  const secure = files && [
    `--private-key=${files.keyFile}`,
    `--certificate=${files.certFile}`,
    `--ca-cert=${files.caFile}`,
  ];
  if (secure === undefined) return started(dir, [serverOf(dir, 1, unixOf(dir, 1))]);
  const port = await freePort();
  const addresses = { remote: `ssl:127.0.0.1:${port}`, listen: `pssl:${port}:127.0.0.1` };
  return started(dir, [serverOf(dir, 1, addresses, secure)]);
}

/** Starts three servers that form a RAFT cluster. */
export async function startCluster(): Promise<OvsdbServers> {
  const dir = mkdtempSync("/tmp/po-");
  const ports = [await freePort(), await freePort(), await freePort()];
  const [first = "", ...others] = ports.map((port) => `tcp:127.0.0.1:${port}`);
  await run("ovsdb-tool", ["create-cluster", join(dir, "1.db"), northboundSchema, first]);
  for (const [index, address] of others.entries())
    await run("ovsdb-tool", ["join-cluster", join(dir, `${index + 2}.db`), "OVN_Northbound", address, first]);
  return started(
    dir,
    ports.map((_, index) => serverOf(dir, index + 1, unixOf(dir, index + 1))),
  );
}

async function started(dir: string, servers: readonly OvsdbServer[]): Promise<OvsdbServers> {
  for (const server of servers) await server.start();
  return {
    dir,
    servers,
    remote: servers.map(({ remote }) => remote).join(","),
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server.kill();
      rmSync(dir, { recursive: true });
    },
  };
}

interface Addresses {
  readonly remote: string;
  readonly listen: string;
}

function unixOf(dir: string, number: number): Addresses {
  return { remote: `unix:${dir}/${number}.sock`, listen: `punix:${dir}/${number}.sock` };
}

function serverOf(
  dir: string,
  number: number,
  { remote, listen }: Addresses,
  options: readonly string[] = [],
): OvsdbServer {
  const socket = join(dir, `${number}.ctl`);
  const control = async (...command: readonly string[]) =>
    (await run("ovs-appctl", ["-t", socket, ...command])).stdout.trim();
  let child: ReturnType<typeof spawn> | undefined;
  return {
    remote,
    control,
    async start() {
      const log = [`--log-file=${dir}/${number}.log`, "-vconsole:off", "-vfile:info"];
      const args = [`--remote=${listen}`, `--unixctl=${socket}`, ...log, ...options, `${dir}/${number}.db`];
      child = spawn("/usr/sbin/ovsdb-server", args, { stdio: "ignore" });
      await serves(control, dir);
    },
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Waits until a server has its database: a member of a cluster has joined it. */
async function serves(control: OvsdbServer["control"], dir: string): Promise<void> {
  const limit = AbortSignal.timeout(startMs);
  for (;;) {
    const databases = await control("ovsdb-server/list-dbs").catch(() => "");
    if (databases.includes("OVN_Northbound")) return;
    if (limit.aborted) throw new Error(`ovsdb-server did not come up in ${startMs / 1000} s; see its log in ${dir}`);
    await sleep(20);
  }
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Makes a key with a certificate that is its own CA, good for both ends. */
export async function selfSigned(dir: string, name = "tls"): Promise<TlsFiles> {
  const [keyFile, certFile] = [join(dir, `${name}.key`), join(dir, `${name}.crt`)];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
  await run("openssl", ["req", "-x509", ...key, "-out", certFile, "-days", "2", "-subj", `/CN=${name}`]);
  return { keyFile, certFile, caFile: certFile };
}
