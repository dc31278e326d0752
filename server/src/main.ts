// The composition root: the only file that knows every part, and the order in which they start and stop.
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { catalog } from "@photoncloud/proto";
import { type Administrator, readAdminFile, writeAdminFile } from "./admin-file.ts";
import { FlowStore } from "./agent/flows/flow-store.ts";
import { MovePort } from "./agent/machines/move-port.ts";
import { startAgents } from "./agents.ts";
import { type Detected, detectDrivers, forgetsAtExit, given, type Pick } from "./backends/detect.ts";
import type { Drivers } from "./backends/drivers.ts";
import { imageFolder } from "./backends/hypervisor/built-in.ts";
import { hostName } from "./backends/hypervisor/remote/names.ts";
import { bytesHere } from "./bytes-here.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Config } from "./config.ts";
import { devCertificates } from "./dev-certificates.ts";
import { createEngine, type Engine } from "./engine/engine.ts";
import { CloudHosts, ownIdOf } from "./hosts.ts";
import { masterKeyOf } from "./master-key.ts";
import { randomBytes } from "./random.ts";
import {
  createEdge,
  createLog,
  createMetrics,
  type Edge,
  engineMetrics,
  type Listener,
  type ListenOptions,
  type Log,
  listen,
  type Metrics,
  metricsHandler,
  networkMetrics,
} from "./rpc/index.ts";
import { type AuditEvent, appendAudit, createEvents } from "./services/events/index.ts";
import { createIam, type Iam } from "./services/iam/index.ts";
import { createSealing } from "./services/iam/tokens/sealing.ts";
import { kinds } from "./services/kinds.ts";
import { networkService } from "./services/network/service.ts";
import { NetworkWatcher } from "./services/network/watcher.ts";
import { type Consoles, createConsoles } from "./services/plasmavmc/console/index.ts";
import { seedFlavors } from "./services/plasmavmc/flavor/seed.ts";
import { type Authority, lateAuthority } from "./services/plasmavmc/host/authority.ts";
import { builtInImages, seedImages } from "./services/plasmavmc/image/seed.ts";
import { uploadsIn } from "./services/plasmavmc/image/upload-files.ts";
import { startSweeping } from "./services/plasmavmc/image/upload-sweeper.ts";
import { Uploads } from "./services/plasmavmc/image/uploads.ts";
import { endedWithCloud } from "./services/plasmavmc/vm/ended-with-cloud.ts";
import { seedExternalNetwork } from "./services/prismnet/external-network/seed.ts";
import { providerPackages } from "./services/provider-packages/index.ts";
import { Packages } from "./services/provider-packages/packages.ts";
import { openSigner } from "./services/provider-packages/signing.ts";
import { createResources, type Resources } from "./services/resources/index.ts";
import { type Done, terraformState } from "./services/terraform-state/index.ts";
import { keyLogin } from "./services/terraform-state/key-login.ts";
import { States } from "./services/terraform-state/states.ts";
import { firstOf, type TenantPages, type WebHandler } from "./services/web.ts";
import { openStore } from "./store/index.ts";
import type { Store } from "./store/store.ts";
import { wakeOnChange } from "./wake-on-change.ts";
import { requestCertificate } from "./x509.ts";

/** What a test, or a program that holds a server inside itself, may put in the place of the usual. */
export interface StartOptions {
  readonly clock?: Clock;
  /** Default: the best that work on this machine. */
  readonly drivers?: Drivers;
  /** Count the process's own metrics, too; where many servers share a process, only one may. Default false. */
  readonly processMetrics?: boolean;
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

/** Everything that lives as long as the server. */
interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly drivers: Drivers;
  readonly detected: Detected;
  readonly iam: Iam;
  readonly resources: Resources;
  readonly engine: Engine;
  readonly networkWatcher: NetworkWatcher;
  readonly flows: FlowStore;
  readonly uploads: Uploads;
  readonly hosts: CloudHosts;
  readonly ownHost: OwnHost;
}

/** This machine, as a host of the cloud. */
interface OwnHost {
  readonly id: string;
  authority(): Promise<Authority>;
  readonly moves: MovePort;
}

/** How long calls that are under way may take when the server stops. Milliseconds. */
const finishMs = 10_000;
/** For how long the store's health is believed, so that asking for it costs nothing. Milliseconds. */
const healthMs = 500;

function storeUrl(config: Config): string {
  const file = join(resolve(config.dataDir), "store.db");
  return config.databaseUrl ?? pathToFileURL(file).href.replace(/^file:/, "sqlite:");
}

function makeIam(config: Config, store: Store, clock: Clock, log: Log, endpoint: () => string): Iam {
  return createIam({
    store,
    clock,
    catalog: catalog(),
    // The same for all servers of a cloud and after every restart, whatever port it gets.
    issuer: config.advertise === "" ? "photoncloud" : config.advertise,
    masterKey: masterKeyOf(config),
    endpoint,
    federation: { privateIssuers: config.privateIssuers },
    onAlarm: (fields, message) => log.error(fields, message),
    onFailure: (err) => log.error({ err }, "the log of who may do what can't be followed"),
  });
}

function makeOwnHost(config: Config, store: Store, clock: Clock, log: Log): OwnHost {
  const id = ownIdOf(config.databaseUrl !== undefined);
  const authority = lateAuthority({ records: store.records, sealing: createSealing(masterKeyOf(config)), clock });
  const makeIdentity = async () => {
    const { key, request } = await requestCertificate(id);
    const { certificate, certifyHost } = await authority();
    return { key, certificate: (await certifyHost(hostName(id), request)).pem, authority: certificate };
  };
  const say = (message: string, err?: unknown) => log.info({ err }, message);
  return { id, authority, moves: new MovePort({ ...config.moves, makeIdentity, clock, log: say }) };
}

type ForHosts = { readonly [K in "config" | "store" | "detected" | "flows" | "clock" | "log" | "ownHost"]: Parts[K] };

function makeHosts({ config, store, detected, flows: sink, clock, log, ownHost }: ForHosts): CloudHosts {
  const { drivers, network } = detected;
  const dataDir = resolve(config.dataDir);
  const images = bytesHere({ uploads: uploadsFolder(config), builtIn: imageFolder(dataDir, config.hypervisor.images) });
  const flows = network && { northbound: network.northbound, sink, ...(network.tls && { tls: network.tls }) };
  const { id: ownId, authority } = ownHost;
  return new CloudHosts({
    ...{ drivers, store, clock, log, authority, ownId, dataDir, images, flows, random: randomBytes },
  });
}

type Unmade = "engine" | "networkWatcher";

function makeEngine(parts: Omit<Parts, Unmade>): Engine {
  const { store, drivers, detected, clock, log, metrics, resources } = parts;
  return createEngine({
    store,
    drivers,
    clock,
    log,
    kinds: resources.engineKinds,
    metrics: engineMetrics(metrics.registry),
    random: Math.random,
    owner: `${hostname()}/${process.pid}`,
    resyncAtStart: forgetsAtExit(detected),
  });
}

function makeNetworkWatcher(parts: Omit<Parts, Unmade>): NetworkWatcher {
  const { store, drivers, clock, log, metrics, resources } = parts;
  return new NetworkWatcher({
    ...{ store, clock, log, slices: resources.slices, network: drivers.network, random: Math.random },
    metrics: networkMetrics(metrics.registry),
  });
}

/** Says why the server can't take calls, asking the store only now and then. */
function readiness(store: Store, clock: Clock): () => Promise<string> {
  let last = { at: Number.NEGATIVE_INFINITY, why: Promise.resolve("") };
  const ask = () =>
    store.healthy().then(
      (healthy) => (healthy ? "" : "the store takes no writes"),
      () => "the store does not answer",
    );
  return () => {
    const now = clock.now();
    if (Math.abs(now - last.at) > healthMs) last = { at: now, why: ask() };
    return last.why;
  };
}

function makeConsoles({ store, clock, resources, drivers, iam }: Parts, endpoint: () => string): Consoles {
  const audit = (event: AuditEvent) => appendAudit(store, event);
  const { hypervisor } = drivers;
  return createConsoles({
    records: store.records,
    clock,
    random: randomBytes,
    resources,
    hypervisor,
    audit,
    endpoint,
    ...iam,
  });
}

function makeEdge(parts: Parts, isRunning: () => boolean, endpoint: () => string): Edge {
  const { config, clock, log, metrics, store, iam, resources, drivers, networkWatcher } = parts;
  const network = networkService({ backend: drivers.network.name, check: () => networkWatcher.check() });
  const events = createEvents({ store, clock, catalog: catalog() });
  const consoles = makeConsoles(parts, endpoint);
  const storeReady = readiness(store, clock);
  return createEdge({
    clock,
    log,
    metrics,
    catalog: catalog(),
    calls: resources,
    services: [...iam.handlers, events, network, consoles.service, parts.hosts.service(resources, catalog())],
    authenticator: iam.authenticator,
    authorizer: iam.authorizer,
    audit: (event) => appendAudit(store, event),
    notReady: async () => (isRunning() ? storeReady() : "starting"),
    jwks: () => iam.jwks(),
    callsPerSecond: config.callsPerSecond,
    metricsHere: config.metricsListen === undefined && config.listen.every(({ loopback }) => loopback),
    uploads: parts.uploads,
    web: webOf(parts),
    ...(config.terraformState && { tenantPages: terraformStateOf(parts) }),
    consoles: { sessions: consoles.sessions, origins: config.compute.consoleOrigins },
  });
}

/** What is answered beside methods: IAM's standards, and Terraform's where there are packages. */
function webOf({ config, iam, resources, store }: Parts): WebHandler {
  const { providerPackages: folder } = config;
  if (folder === undefined) return iam.web(resources);
  const signer = () => openSigner(store.records, createSealing(masterKeyOf(config)));
  return firstOf([iam.web(resources), providerPackages({ packages: new Packages(resolve(folder)), signer })]);
}

/** Terraform's states, for whoever may have them. */
function terraformStateOf({ config, iam, store, clock }: Parts): TenantPages {
  const states = new States({ store, sealing: createSealing(masterKeyOf(config)), clock });
  const noted = ({ of, ...caller }: Done) =>
    appendAudit(store, { type: "accessed", tenant: of.tenant, id: of.name, caller, permission: caller.permission });
  return terraformState({ states, noted, clock, issue: keyLogin(iam.handlers) });
}

async function tlsOf(config: Config, clock: Clock) {
  if (config.tls === undefined) return { tls: undefined, caFile: undefined };
  if (config.tls === "made") {
    const hosts = config.listen.map(({ host }) => host);
    const { caFile, cert, key } = await devCertificates(resolve(config.dataDir), hosts, clock.now());
    return { tls: { cert, key }, caFile };
  }
  const { certFile, keyFile } = config.tls;
  return { tls: { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") }, caFile: undefined };
}

async function openListeners(parts: Parts, edge: Edge, tls: ListenOptions["tls"]): Promise<Listener[]> {
  const listeners: Listener[] = [];
  try {
    for (const { host, port } of parts.config.listen)
      listeners.push(
        await listen(edge.handle, { host, port, ...(tls && { tls }), ...(edge.upgrade && { upgrade: edge.upgrade }) }),
      );
    if (parts.config.metricsListen !== undefined)
      listeners.push(await listen(metricsHandler(parts), parts.config.metricsListen));
    return listeners;
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close()));
    throw error;
  }
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

/** Where uploads wait to become images; a driver on this machine reads them there. */
function uploadsFolder({ dataDir }: Config): string {
  return join(resolve(dataDir), "uploads");
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

/** What a cloud of one machine begins with, beside what every cloud does. */
async function seed({ config, resources, detected }: Parts): Promise<void> {
  await seedImages(resources, catalog(), detected.hypervisor?.builtIn);
  await seedFlavors(resources, catalog());
  const hasWire = detected.network === undefined || detected.network.own;
  if (config.dev && hasWire) await seedExternalNetwork(resources, catalog());
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

type Begun = { readonly [K in "config" | "clock" | "log" | "store" | "detected" | "ownHost"]: Parts[K] };

function assemble(begun: Begun, options: StartOptions, endpoint: () => string): Parts {
  const { config, clock, log, store } = begun;
  const iam = makeIam(config, store, clock, log, endpoint);
  const flows = new FlowStore({ dir: join(resolve(config.dataDir), "flows") });
  const uploads = new Uploads({ folder: uploadsFolder(config), largestBytes: config.compute.largestImageBytes, clock });
  const hosts = makeHosts({ ...begun, flows });
  const { drivers } = hosts;
  const resources = createResources({
    store,
    flows,
    clock,
    catalog: catalog(),
    kinds: [...iam.kinds, ...kinds],
    random: randomBytes,
    drivers,
  });
  const metrics = createMetrics({ process: options.processMetrics ?? false });
  const parts = { ...begun, metrics, drivers, iam, resources, flows, uploads, hosts };
  return { ...parts, engine: makeEngine(parts), networkWatcher: makeNetworkWatcher(parts) };
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
