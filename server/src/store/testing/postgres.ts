// A PostgreSQL of one's own for tests: Debian's programs, a temporary folder, a Unix socket, nothing shared with the machine's service.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import pg from "pg";

const versionsFolder = "/usr/lib/postgresql";
const startTimeoutMs = 60_000;

export interface TestPostgres {
  /** Names a fresh, empty database. */
  readonly url: string;
  /** Makes another empty database on the same server, and answers its URL. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
}

/** Why PostgreSQL can't be started here; undefined: it can. */
export function postgresMissing(): string | undefined {
  return programs() === undefined ? `PostgreSQL is not installed under ${versionsFolder}` : undefined;
}

/** Starts a server with fsync on. It refuses to run as root, so that then the user "postgres" runs it. */
export async function startPostgres(): Promise<TestPostgres> {
  const bin = programs();
  if (bin === undefined) throw new Error(postgresMissing());
  const user = unprivileged();
  const folder = folderOf(user);
  const data = join(folder, "data");
  execFileSync("cp", ["-a", preparedData(bin, user), data], { ...user, cwd: folder, stdio: "ignore" });
  const settings = [
    "listen_addresses=",
    `unix_socket_directories=${folder}`,
    "max_connections=200",
    "shared_buffers=32MB",
  ];
  const words = ["-D", data, ...settings.flatMap((setting) => ["-c", setting])];
  const log = openSync(join(folder, "log"), "a");
  const server = spawn(join(bin, "postgres"), words, { ...user, cwd: folder, stdio: ["ignore", log, log] });
  closeSync(log);
  const orphaned = () => server.kill("SIGINT");
  process.once("exit", orphaned);
  server.once("exit", () => process.off("exit", orphaned));
  await ready(folder, server);
  // Else all that a test sees is a socket that is not there any more.
  const fallen = () => console.error(`PostgreSQL ended by itself:\n${lastWords(folder)}`);
  server.once("exit", fallen);
  let databases = 0;
  const createDatabase = async () => {
    const name = `photon_${++databases}`;
    await asAdministrator(urlOf(folder, "postgres"), `CREATE DATABASE ${name}`);
    return urlOf(folder, name);
  };
  return { url: await createDatabase(), createDatabase, stop: () => stop(server.off("exit", fallen), folder) };
}

/** The folder of the newest version's programs. */
function programs(): string | undefined {
  if (!existsSync(versionsFolder)) return undefined;
  const newest = readdirSync(versionsFolder).sort((a, b) => Number(b) - Number(a));
  return newest.map((version) => join(versionsFolder, version, "bin")).find((bin) => existsSync(join(bin, "initdb")));
}

function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

type User = ReturnType<typeof unprivileged>;

/** A new folder of the server's user. */
function folderOf(user: User): string {
  const folder = mkdtempSync(join(tmpdir(), "photon-pg-"));
  if (user) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** What initdb makes takes seconds and is always the same: it is made once on a machine, and copied by everyone. */
function preparedData(bin: string, user: User): string {
  const uid = user?.uid ?? process.getuid?.();
  const prepared = join(tmpdir(), `photon-initdb-${basename(dirname(bin))}-${uid}`);
  if (!existsSync(prepared)) prepare(prepared, bin, user);
  if (statSync(prepared).uid !== uid) throw new Error(`${prepared} is somebody else's; take it away`);
  return prepared;
}

/** Whole or not at all, also where several processes do so at once. */
function prepare(prepared: string, bin: string, user: User): void {
  const folder = folderOf(user);
  const data = join(folder, "data");
  const initdb = ["-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
  execFileSync(join(bin, "initdb"), initdb, { ...user, cwd: folder, stdio: "ignore" });
  try {
    renameSync(data, prepared);
  } catch (error) {
    // Another process was first.
    if (!existsSync(prepared)) throw error;
  }
  rmSync(folder, { recursive: true, force: true });
}

function urlOf(folder: string, database: string): string {
  return `postgres://postgres@localhost/${database}?host=${encodeURIComponent(folder)}`;
}

/** The end of its log. */
function lastWords(folder: string): string {
  return readFileSync(join(folder, "log"), "utf8").slice(-2_000);
}

async function ready(folder: string, server: ChildProcess): Promise<void> {
  const url = urlOf(folder, "postgres");
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    try {
      return await asAdministrator(url, "SELECT 1");
    } catch (error) {
      if (server.exitCode !== null || Date.now() > deadline)
        throw new Error(`PostgreSQL did not start:\n${lastWords(folder)}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function asAdministrator(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** SIGINT is PostgreSQL's fast shutdown: it ends the sessions and does not wait for them. */
async function stop(server: ChildProcess, folder: string): Promise<void> {
  if (server.exitCode === null && server.signalCode === null) {
    const exited = once(server, "exit");
    // At once: nobody wants the data any more, and writing out a database for each test takes long on a slow disk.
    server.kill("SIGQUIT");
    await exited;
  }
  rmSync(folder, { recursive: true, force: true });
}
