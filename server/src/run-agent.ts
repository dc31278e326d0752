// `photon agent`: joins a machine to the cloud as a host, and runs its agent.
import { isNativeError } from "node:util/types";
import { ConnectError } from "@connectrpc/connect";
import { readIdentity } from "./agent/machines/identity.ts";
import { join } from "./agent/machines/join.ts";
import { type ServingAgent, serveAgent } from "./agent/machines/serve.ts";
import { startNetworkAgent } from "./agent/network-agent.ts";
import { agentUsage, joinSettings, type RunSettings, runSettings } from "./agent-settings.ts";
import type { HypervisorDriver } from "./backends/hypervisor/driver.ts";
import { pickHypervisor } from "./backends/hypervisor/pick.ts";
import { simulatedHypervisor } from "./backends/hypervisor/simulated/index.ts";
import type { ChassisAddress } from "./backends/network/ovn/chassis/chassis.ts";
import { localChassis } from "./backends/network/ovn/chassis/local.ts";
import { systemClock } from "./clock.ts";
import { ConfigError } from "./config-error.ts";
import { createLog, type Log } from "./rpc/index.ts";
import { askedToStop, type RunOptions } from "./run.ts";
import { builtInImages } from "./services/plasmavmc/image/seed.ts";

/** @returns The process's exit code: 0, 1 where it could not join or serve, 2 for a wrong setting. */
export async function runAgent(argv: readonly string[], options: RunOptions = {}): Promise<number> {
  const write = options.write ?? ((text: string) => void process.stdout.write(text));
  const complain = options.complain ?? ((text: string) => void process.stderr.write(text));
  const [command = "--help", ...args] = argv;
  if (argv.includes("--help") || argv.includes("-h") || argv.length === 0) {
    write(agentUsage);
    return 0;
  }
  try {
    if (command === "join") await joinNow(args, options.environment ?? process.env, write);
    else if (command === "run") await serve(runSettings(args), write);
    else throw new ConfigError(`photon agent ${command} is no command: join, run`);
    return 0;
  } catch (error) {
    if (!isOperators(error)) throw error;
    complain(`photon agent: ${error instanceof ConnectError ? error.rawMessage : error.message}\n`);
    return error instanceof ConfigError ? 2 : 1;
  }
}

function isOperators(error: unknown): error is Error {
  if (!isNativeError(error)) return false;
  return error instanceof ConfigError || error instanceof ConnectError || "code" in error;
}

async function joinNow(
  args: readonly string[],
  environment: NonNullable<RunOptions["environment"]>,
  write: (text: string) => void,
) {
  const settings = joinSettings(args, environment);
  await join(settings);
  write(`this machine is the host ${settings.name}; run it with: photon agent run --data ${settings.dataDir}\n`);
}

async function serve(settings: RunSettings, write: (text: string) => void): Promise<void> {
  const stop = askedToStop();
  const log = createLog("info");
  const identity = readIdentity(settings.dataDir);
  const { dataDir } = settings;
  const host = await localChassis();
  const { driver, accelerator, why, close } = await openDriver(settings, host, log);
  const agent = await serveAgent({ identity, driver, accelerator, dataDir, clock: systemClock, log });
  write(`the agent of host ${identity.hostId} answers on port ${agent.port}\n  hypervisor  ${driver.name}: ${why}\n`);
  const endNetwork = startNames(settings, host, agent, log);
  await stop;
  await endNetwork();
  await agent.stop();
  await close();
}

async function openDriver({ dataDir, hypervisor }: RunSettings, host: ChassisAddress | undefined, log: Log) {
  const say = (message: string, err?: unknown) => log.info({ err }, message);
  const builtIn = builtInImages.map(({ id }) => id);
  const network = host === undefined ? undefined : { hosts: [host], own: false };
  const { real, why } = await pickHypervisor({ ...hypervisor, dataDir, builtIn, log: say }, network);
  const driver: HypervisorDriver = real?.driver ?? simulatedHypervisor();
  const close = async () => {
    await driver.close();
    await real?.stop();
  };
  return { driver, why, close, accelerator: driver.accelerator?.name ?? "" };
}

/** Names and metadata for the guests of this host; what is answered comes from the server. */
function startNames({ southbound }: RunSettings, host: ChassisAddress | undefined, agent: ServingAgent, log: Log) {
  if (southbound === undefined || host === undefined) return async () => {};
  const stopping = new AbortController();
  const { directory } = agent;
  const starting = startNetworkAgent({ host, southbound, directory, log }, stopping.signal).catch((err: unknown) => {
    if (!stopping.signal.aborted) log.error({ err }, "names and metadata could not be started");
  });
  return async () => {
    stopping.abort();
    await (await starting)?.stop();
  };
}
