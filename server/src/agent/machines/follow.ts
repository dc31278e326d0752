// What an agent tells of its host: first what it is, then what changes.
import { create } from "@bufbuild/protobuf";
import {
  BeatSchema,
  type FollowResponse,
  FollowResponseSchema,
  HelloSchema,
} from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";
import type { HypervisorDriver } from "../../backends/hypervisor/driver.ts";
import { architecture, capacityOf, versions } from "../../backends/hypervisor/facts.ts";
import { beatMs } from "../../backends/hypervisor/remote/names.ts";
import type { Clock } from "../../clock.ts";
import { Queue } from "../../queue.ts";
import type { HostFlows } from "./flow-lines.ts";

export interface Followed {
  readonly driver: HypervisorDriver;
  readonly flows: HostFlows | undefined;
  readonly instanceId: string;
  readonly accelerator: string;
  /** Of the certificate that is shown now; milliseconds since 1970. */
  certificateExpiresAt(): number;
  /** Where disks are kept. */
  readonly disksDir: string;
  readonly clock: Clock;
}

async function beatOf({ driver, disksDir, certificateExpiresAt }: Followed, signal: AbortSignal) {
  const { machines } = await driver.inventory(signal);
  return create(BeatSchema, {
    ...capacityOf(disksDir),
    machines: machines.length,
    certificateExpiresAt: certificateExpiresAt(),
  });
}

async function helloOf(followed: Followed, signal: AbortSignal) {
  const { driver, instanceId, accelerator } = followed;
  return create(HelloSchema, {
    instanceId,
    driver: driver.name,
    volatile: driver.volatile,
    accelerator,
    architecture: architecture(),
    snapshots: driver.snapshots !== undefined,
    consoles: driver.consoles !== undefined,
    exports: driver.export !== undefined,
    moves: driver.moves !== undefined,
    growsCpu: driver.growsWhileRunning?.cpu ?? false,
    growsMemory: driver.growsWhileRunning?.memory ?? false,
    flows: followed.flows !== undefined,
    cantRun: { ...driver.cantRun },
    versions: { ...versions() },
    beat: await beatOf(followed, signal),
  });
}

/** Ends with the signal. */
export async function* follow(followed: Followed, signal: AbortSignal): AsyncGenerator<FollowResponse> {
  const { driver, clock } = followed;
  const news = new Queue<FollowResponse["news"]>();
  const unhear = driver.onChange(({ vmId, owner }) =>
    news.push(create(FollowResponseSchema, { news: { case: "changed", value: { vmId, owner } } }).news),
  );
  signal.addEventListener("abort", () => news.end(), { once: true });
  const beat = async () => {
    for (await clock.sleep(beatMs, signal); !signal.aborted; await clock.sleep(beatMs, signal))
      news.push({ case: "beat", value: await beatOf(followed, signal) });
  };
  try {
    yield create(FollowResponseSchema, { news: { case: "hello", value: await helloOf(followed, signal) } });
    beat().catch(() => news.end());
    for await (const one of news) yield create(FollowResponseSchema, { news: one });
  } finally {
    unhear();
    news.end();
  }
}
