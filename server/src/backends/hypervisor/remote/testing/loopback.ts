// An agent and the channel to it in one process, over mutual TLS on loopback.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostFlows } from "../../../../agent/machines/flow-lines.ts";
import type { ImageIntake } from "../../../../agent/machines/image-intake.ts";
import type { MoveStreams } from "../../../../agent/machines/move-streams.ts";
import { type ServingAgent, serveAgent } from "../../../../agent/machines/serve.ts";
import { systemClock } from "../../../../clock.ts";
import { silentLog } from "../../../../engine/hooks.ts";
import { createSealing } from "../../../../services/iam/tokens/sealing.ts";
import { type Authority, openAuthority } from "../../../../services/plasmavmc/host/authority.ts";
import { openSqliteStore } from "../../../../store/sqlite/open.ts";
import { requestCertificate } from "../../../../x509.ts";
import type { HypervisorDriver } from "../../driver.ts";
import type { RemoteTail } from "../flow-tail.ts";
import type { FindImage } from "../image-bytes.ts";
import { AgentLink } from "../link.ts";
import { hostName, serverName } from "../names.ts";

export const quiet = { ...silentLog, debug: () => {} };

/** An authority of its own. */
export async function testAuthority(): Promise<Authority> {
  const store = await openSqliteStore({ file: ":memory:", clock: systemClock });
  const authority = await openAuthority({
    records: store.records,
    sealing: createSealing(undefined),
    clock: systemClock,
  });
  await store.close();
  return authority;
}

export interface Loopback {
  readonly link: AgentLink;
  readonly agent: ServingAgent;
  readonly serial: string;
  close(): Promise<void>;
}

export interface LoopbackOptions {
  /** Default "one". */
  readonly hostId?: string;
  readonly driver: HypervisorDriver;
  /** Through which the driver gets images. Default: none. */
  readonly intake?: ImageIntake;
  /** What the server has of images. Default: nothing. */
  readonly images?: FindImage;
  /** What carries the driver's moves. Default: nothing does. */
  readonly moves?: MoveStreams;
  /** What the host's network writes down. Default: nothing. */
  readonly flows?: HostFlows;
  /** Told of each channel through which flows can be read. */
  readonly onFlows?: (tail: RemoteTail) => void;
  readonly authority?: Authority;
  /** Whose certificate the agent shows. Default: the host's that is called. */
  readonly agentIs?: string;
  /** What the caller shows. Default: a server's. */
  readonly callerIs?: string;
  /** Default: the one that the agent has. */
  readonly serials?: readonly string[];
  readonly answer?: (method: string, values: readonly unknown[]) => Promise<unknown>;
}

/** A host's key and certificate, and the certificate's number. */
export async function testIdentity(authority: Authority, hostId: string) {
  const { key, request } = await requestCertificate(hostId);
  const { pem: certificate, serial } = await authority.certifyHost(hostName(hostId), request);
  return { hostId, listen: "127.0.0.1:0", key, certificate, authority: authority.certificate, serial };
}

/** Opens both ends of a host; does not wait for the channel. */
export async function openLoopback(options: LoopbackOptions): Promise<Loopback> {
  const { hostId = "one", driver, agentIs = hostId, callerIs = serverName, answer, intake, images, moves } = options;
  const { flows, onFlows } = options;
  const authority = options.authority ?? (await testAuthority());
  const dataDir = mkdtempSync(join(tmpdir(), "photon-agent-"));
  const { serial, ...identity } = await testIdentity(authority, agentIs);
  moves?.show(identity);
  const parts = { ...(intake && { intake }), ...(moves && { moves }), ...(flows && { flows }) };
  const common = { identity, driver, accelerator: "", dataDir, clock: systemClock, log: quiet };
  const agent = await serveAgent({ ...common, ...parts });
  const link = new AgentLink({
    ...(images && { images }),
    ...(onFlows && { flows: onFlows }),
    hostId,
    address: `127.0.0.1:${agent.port}`,
    clock: systemClock,
    answer,
    log: () => {},
    identity: async () => ({ authority: authority.certificate, ...(await authority.serverIdentity(callerIs)) }),
    serials: () => options.serials ?? [serial],
    changed: () => {},
  });
  const close = async () => {
    await link.close();
    await agent.stop();
    rmSync(dataDir, { recursive: true });
  };
  return { link, agent, serial, close };
}

/** Waits until a channel is open, or refused. */
export async function settled(link: AgentLink, isSettled: (link: AgentLink) => boolean): Promise<void> {
  for (
    const deadline = Date.now() + 10_000;
    !isSettled(link);
    await systemClock.sleep(10, new AbortController().signal)
  )
    if (Date.now() > deadline) throw new Error(`not settled: ${link.hindrance}`);
}
