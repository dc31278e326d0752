// Brings up a private OVN: its databases and northd, and hosts in namespaces of their own; and keeps it up.
import { mkdir } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { command } from "../../../linux/command.ts";
import { addNamespace } from "../../../linux/namespaces.ts";
import { prepareCentral } from "./central.ts";
import { type DaemonSpec, SupervisedDaemon } from "./daemon.ts";
import { pickDatapath } from "./datapath.ts";
import { type Host, prepareHost } from "./host.ts";
import { claim, own, removeLeftovers } from "./leftovers.ts";
import type { PrivateOvn, PrivateOvnOptions } from "./private-ovn.ts";
import { layExternal, layUnderlay, namesOf } from "./wires.ts";

/** How long the hosts may take to be known to the Southbound. */
const registerMs = 20_000;

/**
 * Starts a private OVN. When it resolves, all hosts are known to the Southbound. What an earlier run with the same folder and name left
 * behind is taken away first; its Northbound is kept.
 *
 * @throws Error if something is missing here, or another process still runs one in the folder.
 */
export async function startPrivateOvn(options: PrivateOvnOptions): Promise<PrivateOvn> {
  const { dir, name, log = () => {} } = options;
  await claim(dir);
  await removeLeftovers(dir, name);
  await mkdir(`${dir}/log`, { recursive: true });
  await own(dir);
  const daemons: SupervisedDaemon[] = [];
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= stopAll(options, daemons));
  const start = async (spec: DaemonSpec) => {
    const daemon = new SupervisedDaemon(spec, log);
    daemons.push(daemon);
    await daemon.start();
  };
  try {
    const parts = await startAll(options, start);
    return { ...parts, daemons: () => daemons, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startAll(options: PrivateOvnOptions, start: (spec: DaemonSpec) => Promise<void>) {
  const { dir, name, external } = options;
  const central = await prepareCentral(dir, options.servers ?? 1);
  const [hosts] = await Promise.all([makeHosts(options, central.southbound), allOf(central.databases.map(start))]);
  await start(central.northd);
  await allOf(
    hosts.map(async ({ daemons }) => {
      for (const spec of daemons) await start(spec);
    }),
  );
  const addresses = hosts.map(({ address }) => address);
  await untilRegistered(central.southbound, addresses.length);
  const outside = external === undefined || external.outside === "host" ? undefined : namesOf(name).outside;
  return { northbound: central.northbound, southbound: central.southbound, hosts: addresses, outside };
}

async function makeHosts(options: PrivateOvnOptions, southbound: string): Promise<readonly Host[]> {
  const { dir, name, hosts: count = 1, external } = options;
  const datapath = await pickDatapath();
  const names = namesOf(name);
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  for (const number of numbers) await addNamespace(names.host(number));
  await layUnderlay(name, count);
  if (external !== undefined) await layExternal(name, count, external);
  const physicalNetwork = external?.physicalNetwork;
  return allOf(
    numbers.map((number) =>
      prepareHost({ dir, number, namespace: names.host(number), datapath, southbound, physicalNetwork }),
    ),
  );
}

/** As Promise.all, but waits for the rest before it fails, so that nothing goes on behind the back of who cleans up. */
async function allOf<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}

async function untilRegistered(southbound: string, hosts: number): Promise<void> {
  const [remote = ""] = southbound.split(",");
  const select = JSON.stringify(["OVN_Southbound", { op: "select", table: "Chassis", where: [], columns: ["name"] }]);
  const deadline = AbortSignal.timeout(registerMs);
  for (;;) {
    const [answer] = JSON.parse(await command("ovsdb-client", ["query", "--no-leader-only", remote, select]));
    if (answer.rows.length >= hosts) return;
    if (deadline.aborted)
      throw new Error(`after ${registerMs} ms only ${answer.rows.length} of ${hosts} hosts are known`);
    await wait(20);
  }
}

async function stopAll({ dir, name }: PrivateOvnOptions, daemons: readonly SupervisedDaemon[]): Promise<void> {
  await Promise.all(daemons.map((daemon) => daemon.stop()));
  await removeLeftovers(dir, name);
}
