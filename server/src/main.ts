// The composition root: the order in which the parts of a server start and stop.
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { catalog } from "@photoncloud/proto";
import { type Administrator, readAdminFile, writeAdminFile } from "./admin-file.ts";
import { startAgents } from "./agents.ts";
import { type Detected, detectDrivers, given, type Pick } from "./backends/detect.ts";
import type { Drivers } from "./backends/drivers.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Config } from "./config.ts";
import { makeEdge } from "./edge.ts";
import { openListeners, tlsOf } from "./listeners.ts";
import { makeOwnHost, type OwnHost } from "./own-host.ts";
import { type AssembleOptions, assemble, type Parts, uploadsFolder } from "./parts.ts";
import { createLog, type Edge, type Listener, type Log } from "./rpc/index.ts";
import { measureAll } from "./services/creditservice/measure-all.ts";
import { seedFlavors } from "./services/plasmavmc/flavor/seed.ts";
import { builtInImages, seedImages } from "./services/plasmavmc/image/seed.ts";
import { uploadsIn } from "./services/plasmavmc/image/upload-files.ts";
import { startSweeping } from "./services/plasmavmc/image/upload-sweeper.ts";
import { endedWithCloud } from "./services/plasmavmc/vm/ended-with-cloud.ts";
import { seedExternalNetwork } from "./services/prismnet/external-network/seed.ts";
import { openStore } from "./store/index.ts";
import { wakeOnChange } from "./wake-on-change.ts";

/** What a test, or a program that holds a server inside itself, may put in the place of the usual. */
export interface StartOptions extends AssembleOptions {
  readonly clock?: Clock;
  /** Default: the best that work on this machine. */
  readonly drivers?: Drivers;
}

export interface RunningServer {
  /** Where it answers; the first is the endpoint. */
  readonly urls: readonly string[];
  /** Which drivers were picked, and why. */
  readonly picks: readonly Pick[];
  /** The certificate authority that --dev --tls made. */
  readonly caFile: string | undefined;
  /** The first administrator, as admin.json has it; undefined where the file was taken away. */
  readonly administrator: Administrator | undefined;
  /** Finishes what is under way, gives tasks back and closes everything. */
  stop(): Promise<void>;
}

/** How long calls that are under way may take when the server stops. Milliseconds. */
const finishMs = 10_000;

function storeUrl(config: Config): string {
  const file = join(resolve(config.dataDir), "store.db");
  return config.databaseUrl ?? pathToFileURL(file).href.replace(/^file:/, "sqlite:");
}

/** The first start makes the administrator and its file; later ones only bring the endpoint up to date. */
async function makeAdministrator({ config, iam, resources }: Parts, more: Omit<Administrator, "password">) {
  const dataDir = resolve(config.dataDir);
  await iam.bootstrap({ resources, announce: (password) => writeAdminFile(dataDir, { ...more, password }) });
  const known = readAdminFile(dataDir);
  if (known === undefined) return undefined;
  const administrator = { ...known, ...more };
  if (JSON.stringify(administrator) !== JSON.stringify(known)) writeAdminFile(dataDir, administrator);
  return administrator;
}

function flush(log: Log): Promise<void> {
  return new Promise((done) => log.flush(() => done()));
}

/** Readiness off and streams ended, then the calls under way, then the engine, the backends and the store. */
async function stopInOrder(parts: Parts, edge: Edge, listeners: readonly Listener[], unwatch: () => Promise<void>) {
  const { store, detected, iam, engine, networkWatcher, hosts, ownHost, log } = parts;
  log.info("stopping");
  edge.drain();
  for (const listener of listeners) listener.stopAccepting();
  const late = new AbortController();
  await Promise.race([edge.idle(), systemClock.sleep(finishMs, late.signal)]);
  late.abort();
  await Promise.all(listeners.map((listener) => listener.close()));
  await edge.close();
  await unwatch();
  await Promise.all([networkWatcher.stop(), engine.stop()]);
  await hosts.stop();
  await iam.stop();
  await detected.release((machine) => endedWithCloud(store, machine));
  await ownHost.moves.close();
  await store.close();
  log.info("stopped");
  await flush(log);
}

function detect(config: Config, { id, moves }: OwnHost, clock: Clock, log: Log): Promise<Detected> {
  const { dev, dataDir, network, hypervisor, compute } = config;
  const say = (message: string, err?: unknown) => (err === undefined ? log.info(message) : log.warn({ err }, message));
  const common = { dataDir, clock, log: say };
  const builtIn = builtInImages.map(({ id }) => id);
  const { largestImageBytes: largestBytes, privateImageSources: privateSources } = compute;
  const imageTerms = { largestBytes, privateSources, uploads: uploadsIn(uploadsFolder(config)) };
  return detectDrivers({
    network: { ...common, dev, ...network },
    hypervisor: { ...common, builtIn, imageTerms, moves: { transport: moves, hostId: id }, ...hypervisor },
  });
}

/** What is done before the first call: what an earlier version stored is measured, and a cloud of one machine gets what it begins with. */
async function seed({ config, store, resources, detected }: Parts): Promise<void> {
  await measureAll({ store, slices: resources.slices });
  await seedImages(resources, catalog(), detected.hypervisor?.builtIn);
  await seedFlavors(resources, catalog());
  const hasWire = detected.network === undefined || detected.network.own;
  if (config.dev && hasWire) await seedExternalNetwork(resources, catalog(), { cidr: config.network.outside.cidr });
}

/** Follows the backends, and serves the guests of this machine's hosts. Answers how to stop. */
function watchBackends({ drivers, detected, store, flows, uploads, clock, log }: Parts): () => Promise<void> {
  const unwatch = wakeOnChange(drivers, store, log);
  const stopAgents = startAgents({ network: detected.network, store, flows, clock, log });
  const onFailure = (err: unknown) => log.error({ err }, "uploads could not be looked through");
  const stopSweeping = startSweeping({ uploads, store, clock, onFailure });
  return async () => {
    unwatch();
    stopSweeping();
    await stopAgents();
  };
}

/**
 * Starts a server. It is ready when this resolves.
 *
 * @throws ConfigError for a setting that turns out wrong; the system's error if a port can't be opened; StoreInUseError if another
 * server has the store open.
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  const store = await openStore(storeUrl(config), options.clock === undefined ? {} : { clock: options.clock });
  const log = createLog(config.logLevel);
  const clock = options.clock ?? systemClock;
  let detected: Detected | undefined;
  let ownHost: OwnHost | undefined;
  let listeners: readonly Listener[] = [];
  try {
    ownHost = makeOwnHost(config, store, clock, log);
    detected = options.drivers ? given(options.drivers) : await detect(config, ownHost, clock, log);
    let running = false;
    let urls: readonly string[] = [];
    const endpoint = () => (config.advertise === "" ? (urls[0] ?? "") : config.advertise.replace(/\/+$/, ""));
    const parts = assemble({ config, clock, log, store, detected, ownHost }, options, endpoint);
    const edge = makeEdge(parts, () => running, endpoint);
    const { tls, caFile } = await tlsOf(config, parts.clock);
    listeners = await openListeners(parts, edge, tls);
    urls = listeners.slice(0, config.listen.length).map(({ url }) => url);
    const administrator = await makeAdministrator(parts, {
      endpoint: endpoint(),
      org_id: "system",
      principal_id: "admin",
      ...(caFile !== undefined && { ca_file: caFile }),
    });
    await seed(parts);
    parts.iam.start();
    await parts.hosts.start(parts.resources, catalog());
    const unwatch = watchBackends(parts);
    parts.engine.start();
    parts.networkWatcher.start();
    running = true;
    parts.log.info({ urls }, "started");
    let stopped: Promise<void> | undefined;
    const stop = () => (stopped ??= stopInOrder(parts, edge, listeners, unwatch));
    return { urls, picks: detected.picks, caFile, administrator, stop };
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close()));
    await detected?.release();
    await ownHost?.moves.close();
    await store.close();
    throw error;
  }
}
