// What a server answers to the outside, put together from its parts.
import { resolve } from "node:path";
import { catalog } from "@photoncloud/proto";
import type { Clock } from "./clock.ts";
import { masterKeyOf } from "./master-key.ts";
import type { Parts } from "./parts.ts";
import { randomBytes } from "./random.ts";
import { createEdge, type Edge } from "./rpc/index.ts";
import { usageService } from "./services/creditservice/usage.ts";
import { type AuditEvent, appendAudit, createEvents } from "./services/events/index.ts";
import { createSealing } from "./services/iam/tokens/sealing.ts";
import { networkService } from "./services/network/service.ts";
import { type Consoles, createConsoles } from "./services/plasmavmc/console/index.ts";
import { createExports } from "./services/plasmavmc/export/index.ts";
import { providerPackages } from "./services/provider-packages/index.ts";
import { Packages } from "./services/provider-packages/packages.ts";
import { openSigner } from "./services/provider-packages/signing.ts";
import { type Done, terraformState } from "./services/terraform-state/index.ts";
import { keyLogin } from "./services/terraform-state/key-login.ts";
import { sealStates } from "./services/terraform-state/seal-states.ts";
import { States } from "./services/terraform-state/states.ts";
import { firstOf, type TenantPages, type WebHandler } from "./services/web.ts";
import type { Store } from "./store/store.ts";

/** For how long the store's health is believed, so that asking for it costs nothing. Milliseconds. */
const healthMs = 500;

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

/** What callers reach: methods, pages and consoles. */
export function makeEdge(parts: Parts, isRunning: () => boolean, endpoint: () => string): Edge {
  const { config, clock, log, metrics, store, iam, resources, drivers, networkWatcher } = parts;
  const network = networkService({ backend: drivers.network.name, check: () => networkWatcher.check() });
  const events = createEvents({ store, clock, catalog: catalog() });
  const consoles = makeConsoles(parts, endpoint);
  const audit = (event: AuditEvent) => appendAudit(store, event);
  const machineExports = createExports({ resources, hypervisor: drivers.hypervisor, clock, audit });
  const storeReady = readiness(store, clock);
  return createEdge({
    clock,
    log,
    metrics,
    catalog: catalog(),
    calls: resources,
    services: [
      ...iam.handlers,
      events,
      network,
      usageService({ store, slices: resources.slices }),
      consoles.service,
      machineExports,
      parts.hosts.service(resources, catalog()),
    ],
    authenticator: iam.authenticator,
    authorizer: iam.authorizer,
    audit,
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
function terraformStateOf({ config, iam, store, clock, log }: Parts): TenantPages {
  const sealing = createSealing(masterKeyOf(config));
  const states = new States({ store, sealing, clock });
  sealStates({ store, sealing, states }).catch((err: unknown) =>
    log.warn({ err }, "states that lie readable are sealed at the next start"),
  );
  const noted = ({ of, ...caller }: Done) =>
    appendAudit(store, { type: "accessed", tenant: of.tenant, id: of.name, caller, permission: caller.permission });
  return terraformState({ states, noted, clock, issue: keyLogin(iam.handlers) });
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
