// The daemons that a whole OVN shares: the Northbound and Southbound databases, each one server or a RAFT cluster of three, and northd.
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { command, runCommand } from "../../../linux/command.ts";
import type { DaemonSpec } from "./daemon.ts";

const schemas = "/usr/share/ovn";

interface CentralDatabase {
  /** What its files begin with: "nb". */
  readonly file: string;
  /** What its daemons are called. */
  readonly daemon: "northbound" | "southbound";
  readonly schema: string;
  readonly database: string;
  /** The table whose only row must be there before anyone may count in it. */
  readonly globals: string;
}

const northbound: CentralDatabase = {
  file: "nb",
  daemon: "northbound",
  schema: `${schemas}/ovn-nb.ovsschema`,
  database: "OVN_Northbound",
  globals: "NB_Global",
};
const southbound: CentralDatabase = {
  file: "sb",
  daemon: "southbound",
  schema: `${schemas}/ovn-sb.ovsschema`,
  database: "OVN_Southbound",
  globals: "SB_Global",
};

export interface Central {
  /** Started together: the members of a cluster wait for each other. */
  readonly databases: readonly DaemonSpec[];
  /** Started after them. */
  readonly northd: DaemonSpec;
  /** Remotes, as OVN writes them. */
  readonly northbound: string;
  readonly southbound: string;
}

/** Lays out the databases' files: a Northbound that is there already is kept, the Southbound is derived from it and made anew. */
export async function prepareCentral(dir: string, servers: 1 | 3): Promise<Central> {
  for (const number of numbers(3)) await rm(`${dir}/sb${number}.db`, { force: true });
  for (const db of [northbound, southbound]) await makeFiles(dir, db, servers);
  const remotes = { northbound: remoteOf(dir, northbound, servers), southbound: remoteOf(dir, southbound, servers) };
  const databases = [northbound, southbound].flatMap((db) =>
    numbers(servers).map((number) => server(dir, db, number, servers)),
  );
  return { databases, northd: northd(dir, remotes), ...remotes };
}

const numbers = (servers: number) => Array.from({ length: servers }, (_, index) => index + 1);
const remoteOf = (dir: string, { file }: CentralDatabase, servers: number) =>
  numbers(servers)
    .map((number) => `unix:${dir}/${file}${number}.sock`)
    .join(",");
/** Where a cluster's members talk to each other. */
const raftAddress = (dir: string, { file }: CentralDatabase, number: number) => `unix:${dir}/${file}${number}.raft`;

async function makeFiles(dir: string, db: CentralDatabase, servers: 1 | 3): Promise<void> {
  const first = `${dir}/${db.file}1.db`;
  if (!existsSync(first)) await makeStandalone(first, db);
  const standalone = (await runCommand("ovsdb-tool", ["db-is-standalone", first])).code === 0;
  if (standalone && servers === 3) await makeCluster(dir, first, db);
  if (!standalone && servers === 1) throw new Error(`${first} is a member of a cluster of three; start all of them`);
  for (const number of numbers(servers).slice(1)) {
    const file = `${dir}/${db.file}${number}.db`;
    const others = numbers(servers).filter((other) => other !== number);
    const remotes = others.map((other) => raftAddress(dir, db, other));
    if (!existsSync(file))
      await command("ovsdb-tool", ["join-cluster", file, db.database, raftAddress(dir, db, number), ...remotes]);
  }
}

async function makeStandalone(file: string, { database, schema, globals }: CentralDatabase): Promise<void> {
  await command("ovsdb-tool", ["create", file, schema]);
  const insert = { op: "insert", table: globals, row: {} };
  await command("ovsdb-tool", ["transact", file, JSON.stringify([database, insert])]);
}

/** Turns a standalone database into the first member of a cluster. */
async function makeCluster(dir: string, file: string, db: CentralDatabase): Promise<void> {
  const contents = `${file}.contents`;
  await command("mv", [file, contents]);
  await command("ovsdb-tool", ["create-cluster", file, contents, raftAddress(dir, db, 1)]);
  await rm(contents);
  await rm(`${dir}/.${db.file}1.db.~lock~`, { force: true });
}

function server(dir: string, db: CentralDatabase, number: number, servers: number): DaemonSpec {
  const base = `${dir}/${db.file}${number}`;
  const name = number === 1 ? db.daemon : `${db.daemon}-${number}`;
  const remotes = [`--remote=punix:${base}.sock`, ...asTold(db)];
  const words = ["ovsdb-server", ...common(dir, base, name), ...remotes, `${base}.db`];
  const joined = (signal: AbortSignal) => untilMember(`${base}.ctl`, db.database, signal);
  return { name, words, socket: `${base}.sock`, ...(servers > 1 && { prepare: joined }) };
}

/** What `ovn-nbctl set-connection` and `set-ssl` say counts here too, as in every OVN: so a host elsewhere can join. */
function asTold({ database, globals }: CentralDatabase): readonly string[] {
  const files = { "private-key": "private_key", certificate: "certificate", "ca-cert": "ca_cert" };
  const tls = Object.entries(files).map(([option, column]) => `--${option}=db:${database},SSL,${column}`);
  return [`--remote=db:${database},${globals},connections`, ...tls];
}

/** Resolves when a server belongs to its cluster and knows the leader. */
async function untilMember(control: string, database: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    // A server that is reading its file yet does not know the command.
    const status = await command("ovs-appctl", ["-t", control, "cluster/status", database]).catch(() => "");
    if (/^Status: cluster member$/m.test(status) && !/^Leader: unknown$/m.test(status)) return;
    await wait(50);
  }
}

function northd(dir: string, remotes: { readonly northbound: string; readonly southbound: string }): DaemonSpec {
  const base = `${dir}/northd`;
  const databases = [`--ovnnb-db=${remotes.northbound}`, `--ovnsb-db=${remotes.southbound}`];
  return { name: "northd", words: ["ovn-northd", ...common(dir, base, "northd"), ...databases], socket: `${base}.ctl` };
}

/** What every daemon of OVN and Open vSwitch is told: its pid file, control socket and log. */
export function common(dir: string, base: string, name: string): readonly string[] {
  return [
    "--no-chdir",
    `--pidfile=${base}.pid`,
    `--unixctl=${base}.ctl`,
    `--log-file=${dir}/log/${name}.log`,
    "-vconsole:off",
    "-vfile:info",
  ];
}
