// `photon agent`: joins a machine to the cloud as a host, and runs its agent.
import { isNativeError } from "node:util/types";
import { ConnectError } from "@connectrpc/connect";
import { HostFlows } from "./agent/machines/flow-lines.ts";
import { type AgentIdentity, readIdentity } from "./agent/machines/identity.ts";
import { ImageIntake } from "./agent/machines/image-intake.ts";
import { join } from "./agent/machines/join.ts";
import { MoveStreams } from "./agent/machines/move-streams.ts";
import { type ServingAgent, serveAgent } from "./agent/machines/serve.ts";
import { startNetworkAgent } from "./agent/network-agent.ts";
import { agentUsage, joinSettings, type RunSettings, runSettings } from "./agent-settings.ts";
import type { HypervisorDriver } from "./backends/hypervisor/driver.ts";
import { machineFolders } from "./backends/hypervisor/folders.ts";
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
  const [intake, moves] = [new ImageIntake(), new MoveStreams(identity)];
  const host = await chassisOf(settings);
  const { driver, why, disksDir, close } = await openDriver(settings, { host, intake, moves, identity, log });
  const { dataDir } = settings;
  const accelerator = driver.accelerator?.name ?? "";
  const flows = host && new HostFlows({ file: host.controllerLog, dataDir, clock: systemClock });
  const common = { identity, driver, accelerator, dataDir, disksDir, intake, moves, ...(flows && { flows }) };
  const agent = await serveAgent({ ...common, clock: systemClock, log });
  write(`the agent of host ${identity.hostId} answers on port ${agent.port}\n  hypervisor  ${driver.name}: ${why}\n`);
  const endNetwork = startNames(settings, host, agent, log);
  await stop;
  await endNetwork();
  await agent.stop();
  await close();
}

/** @throws ConfigError if the Open vSwitch that was named is not there. */
async function chassisOf({ chassis }: RunSettings): Promise<ChassisAddress | undefined> {
  const host = await localChassis(chassis);
  if (host === undefined && chassis.database !== undefined)
    throw new ConfigError(
      `--ovs-database ${chassis.database} does not answer, or names no OVN (ovn-remote, system-id)`,
    );
  return host;
}

interface DriverParts {
  readonly host: ChassisAddress | undefined;
  readonly intake: ImageIntake;
  readonly moves: MoveStreams;
  readonly identity: AgentIdentity;
  readonly log: Log;
}

/** @throws ConfigError where nothing runs machines, unless a simulation was asked for: a host that only pretends would be given machines. */
async function openDriver({ dataDir, hypervisor }: RunSettings, parts: DriverParts) {
  const { host, intake, moves, identity, log } = parts;
  const say = (message: string, err?: unknown) => log.info({ err }, message);
  const builtIn = builtInImages.map(({ id }) => id);
  const network = host === undefined ? undefined : { hosts: [host], own: false };
  const imageTerms = { uploads: intake.openUpload, openBuiltIn: intake.openBuiltIn };
  const carried = { transport: moves, hostId: identity.hostId };
  const choice = { ...hypervisor, dataDir, builtIn, imageTerms, moves: carried, log: say };
  const { real, why } = await pickHypervisor(choice, network);
  if (real === undefined && hypervisor.driver !== "simulated")
    throw new ConfigError(`this host can run no machines: ${why}; --hypervisor simulated pretends to`);
  const driver: HypervisorDriver = real?.driver ?? simulatedHypervisor(carried);
  const close = async () => {
    await driver.close();
    await real?.stop();
  };
  const disksDir = real === undefined ? dataDir : machineFolders(dataDir, hypervisor.machines).data;
  return { driver, why, close, disksDir };
}

/** Names and metadata for the guests of this host; what is answered comes from the server. */
function startNames({ southbound }: RunSettings, host: ChassisAddress | undefined, agent: ServingAgent, log: Log) {
  if (southbound === undefined || host === undefined) return async () => {};
  const stopping = new AbortController();
  const { directory } = agent;
  const { remote, tls } = southbound;
  const options = { host, southbound: remote, directory, log, ...(tls && { tls }) };
  const starting = startNetworkAgent(options, stopping.signal).catch((err: unknown) => {
    if (!stopping.signal.aborted) log.error({ err }, "names and metadata could not be started");
  });
  return async () => {
    stopping.abort();
    await (await starting)?.stop();
  };
}
