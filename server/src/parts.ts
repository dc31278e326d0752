// The parts of a server that live as long as it does, and what each is made of.
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { catalog } from "@photoncloud/proto";
import { FlowStore } from "./agent/flows/flow-store.ts";
import { type Detected, forgetsAtExit } from "./backends/detect.ts";
import type { Drivers } from "./backends/drivers.ts";
import { imageFolder } from "./backends/hypervisor/built-in.ts";
import { bytesHere } from "./bytes-here.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { createEngine, type Engine } from "./engine/engine.ts";
import { CloudHosts } from "./hosts.ts";
import { masterKeyOf } from "./master-key.ts";
import type { OwnHost } from "./own-host.ts";
import { randomBytes } from "./random.ts";
import { createMetrics, engineMetrics, type Log, type Metrics, networkMetrics } from "./rpc/index.ts";
import { createIam, type Iam } from "./services/iam/index.ts";
import { kinds } from "./services/kinds.ts";
import { NetworkWatcher } from "./services/network/watcher.ts";
import { Uploads } from "./services/plasmavmc/image/uploads.ts";
import { createResources, type Resources } from "./services/resources/index.ts";
import type { Store } from "./store/store.ts";

/** Everything that lives as long as the server. */
export interface Parts {
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

export interface AssembleOptions {
  /** Count the process's own metrics, too; where many servers share a process, only one may. Default false. */
  readonly processMetrics?: boolean;
}

/** What is there before the parts that need it. */
type Begun = { readonly [K in "config" | "clock" | "log" | "store" | "detected" | "ownHost"]: Parts[K] };

/** Makes what is not begun yet; nothing runs. */
export function assemble(begun: Begun, options: AssembleOptions, endpoint: () => string): Parts {
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

/** Where uploads wait to become images; a driver on this machine reads them there. */
export function uploadsFolder({ dataDir }: Config): string {
  return join(resolve(dataDir), "uploads");
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

type ForHosts = { readonly [K in "config" | "store" | "detected" | "flows" | "clock" | "log" | "ownHost"]: Parts[K] };

function makeHosts({ config, store, detected, flows: sink, clock, log, ownHost }: ForHosts): CloudHosts {
  const { drivers, network } = detected;
  const dataDir = resolve(config.dataDir);
  const images = bytesHere({ uploads: uploadsFolder(config), builtIn: imageFolder(dataDir, config.hypervisor.images) });
  const flows = network && { northbound: network.northbound, sink, ...(network.tls && { tls: network.tls }) };
  const { id: ownId, authority } = ownHost;
  return new CloudHosts({
    drivers,
    store,
    clock,
    log,
    authority,
    ownId,
    dataDir,
    images,
    flows,
    random: randomBytes,
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
    store,
    clock,
    log,
    slices: resources.slices,
    network: drivers.network,
    random: Math.random,
    metrics: networkMetrics(metrics.registry),
  });
}
