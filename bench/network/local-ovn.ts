// OVN with one host whose datapath is a dummy: every flow is computed and programmed as on a real one, no packet moves, no device and no root
// is needed. What remains is what the control plane costs.
import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { openDatabase } from "../../server/src/backends/network/ovn/ovsdb/client.ts";
import type { Database, Operation } from "../../server/src/backends/network/ovn/ovsdb/database.ts";

const run = promisify(execFile);
const startMs = 15_000;
const programs = ["ovsdb-server", "ovs-vswitchd"].map((name) => `/usr/sbin/${name}`);
const daemons = ["ovn-northd", "ovn-controller"].map((name) => `/usr/bin/${name}`);

/** Undefined: all that is needed is there. */
export function ovnMissing(): string | undefined {
  const missing = [...programs, ...daemons].filter((file) => !existsSync(file));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(", ")}`;
}

export interface LocalOvn extends AsyncDisposable {
  readonly northbound: string;
  readonly southbound: string;
  /** Gives the host a device for each port. */
  plug(portIds: readonly string[]): Promise<void>;
}

/** Only the two databases: writes go nowhere. */
export async function startDatabases(): Promise<LocalOvn> {
  const processes = new Processes();
  await startCentral(processes);
  return processes.ovn();
}

export async function startOvn(): Promise<LocalOvn> {
  const processes = new Processes();
  const { dir } = processes;
  await startCentral(processes);
  const northd = [`--ovnnb-db=unix:${dir}/nb.sock`, `--ovnsb-db=unix:${dir}/sb.sock`, `--unixctl=${dir}/northd.ctl`];
  processes.start("/usr/bin/ovn-northd", northd);
  await processes.database("conf", "/usr/share/openvswitch/vswitch.ovsschema");
  await run("ovs-vsctl", [`--db=unix:${dir}/conf.sock`, "--no-wait", "init"]);
  const dummy = ["--enable-dummy=override", "--disable-system", `--unixctl=${dir}/vswitchd.ctl`];
  processes.start("/usr/sbin/ovs-vswitchd", [`unix:${dir}/conf.sock`, ...dummy]);
  const bridge = ["add-br", "br-int", "--", "set", "Bridge", "br-int", "fail_mode=secure"];
  const ids = [
    "system-id=h1",
    "hostname=h1",
    `ovn-remote=unix:${dir}/sb.sock`,
    "ovn-encap-type=geneve",
    "ovn-encap-ip=127.0.0.1",
  ];
  await processes.vsctl([...bridge, "--", "set", "Open_vSwitch", ".", ...ids.map((id) => `external_ids:${id}`)]);
  processes.start("/usr/bin/ovn-controller", [`unix:${dir}/conf.sock`]);
  await run("ovn-nbctl", [`--db=unix:${dir}/nb.sock`, "--timeout=20", "--wait=hv", "sync"]);
  return processes.ovn();
}

async function startCentral(processes: Processes): Promise<void> {
  await processes.database("nb", "/usr/share/ovn/ovn-nb.ovsschema");
  await processes.database("sb", "/usr/share/ovn/ovn-sb.ovsschema");
  await run("ovn-nbctl", [`--db=unix:${processes.dir}/nb.sock`, "init"]);
  await run("ovn-sbctl", [`--db=unix:${processes.dir}/sb.sock`, "init"]);
}

class Processes {
  /** Short: a unix socket's path has 107 bytes. */
  readonly dir = mkdtempSync("/tmp/pb-");
  readonly #children: ReturnType<typeof spawn>[] = [];
  #switch: Promise<Database> | undefined;

  start(program: string, args: readonly string[]): void {
    const name = program.slice(program.lastIndexOf("/") + 1);
    const log = [`--log-file=${this.dir}/${name}.log`, "-vconsole:off", "-vfile:warn"];
    const env = { ...process.env, OVS_RUNDIR: this.dir, OVN_RUNDIR: this.dir };
    this.#children.push(spawn(program, [...log, ...args], { stdio: "ignore", env }));
  }

  async database(name: string, schema: string): Promise<void> {
    const file = join(this.dir, `${name}.db`);
    await run("ovsdb-tool", ["create", file, schema]);
    const socket = `${this.dir}/${name}.sock`;
    this.start("/usr/sbin/ovsdb-server", [`--remote=punix:${socket}`, `--unixctl=${this.dir}/${name}.ctl`, file]);
    const limit = AbortSignal.timeout(startMs);
    while (!existsSync(socket)) await sleep(10, undefined, { signal: limit });
  }

  async vsctl(args: readonly string[]): Promise<void> {
    await run("ovs-vsctl", [`--db=unix:${this.dir}/conf.sock`, "--timeout=20", ...args], { maxBuffer: 1 << 26 });
  }

  ovn(): LocalOvn {
    return {
      northbound: `unix:${this.dir}/nb.sock`,
      southbound: `unix:${this.dir}/sb.sock`,
      plug: (portIds) => this.#plug(portIds),
      [Symbol.asyncDispose]: () => this.#stop(),
    };
  }

  async #plug(portIds: readonly string[]): Promise<void> {
    this.#switch ??= openDatabase({
      remote: `unix:${this.dir}/conf.sock`,
      database: "Open_vSwitch",
      monitor: { Bridge: { columns: ["name"] } },
    });
    const database = await this.#switch;
    const [bridge = ""] = [...database.rows("Bridge")].flatMap(([uuid, { name }]) => (name === "br-int" ? [uuid] : []));
    await database.transact(portIds.flatMap((id) => deviceOf(id, bridge)));
  }

  /** The last that was started first, so that nobody looks for one that is gone. */
  async #stop(): Promise<void> {
    await (await this.#switch)?.close();
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, "exit");
      child.kill();
      const patience = setTimeout(() => child.kill("SIGKILL"), 3_000);
      await ended;
      clearTimeout(patience);
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function deviceOf(portId: string, bridge: string): Operation[] {
  const [device, port] = [randomUUID(), randomUUID()];
  const name = `v${device.slice(0, 12)}`;
  const ids = new Map([["iface-id", portId]]);
  return [
    { op: "insert", table: "Interface", uuid: device, row: { name, external_ids: ids } },
    { op: "insert", table: "Port", uuid: port, row: { name, interfaces: new Set([device]) } },
    { op: "mutate", table: "Bridge", uuid: bridge, column: "ports", insert: new Set([port]) },
  ];
}
