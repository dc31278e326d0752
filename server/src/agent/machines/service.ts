// The agent's side of the channel: every call is the driver's.
import { create } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter, Interceptor, ServiceImpl } from "@connectrpc/connect";
import {
  type ExportDiskRequest,
  HostAgentService,
  type OpenConsoleRequest,
} from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";
import { DriverError } from "../../backends/driver-error.ts";
import type { MachineConsoles, MachineMoves, MachineSnapshots } from "../../backends/hypervisor/driver.ts";
import { toWire } from "../../backends/hypervisor/remote/errors.ts";
import {
  exportOf,
  moveMessage,
  offerOf,
  specOf,
  stateMessage,
  usageMessage,
} from "../../backends/hypervisor/remote/messages.ts";
import type { AgentLog } from "../log.ts";
import type { HostFlows } from "./flow-lines.ts";
import { type Followed, follow } from "./follow.ts";
import type { ImageIntake } from "./image-intake.ts";
import type { RemoteDirectory } from "./remote-directory.ts";

export interface AgentParts extends Followed {
  readonly log: AgentLog;
  readonly directory: RemoteDirectory;
  readonly intake: ImageIntake;
  /** What the host's network writes down; undefined: nothing. */
  readonly flows: HostFlows | undefined;
  /** A new key's signing request, PEM. */
  requestCertificate(): Promise<string>;
  /** Takes the certificate of the key that was asked for last. */
  installCertificate(pem: string): void;
}

const done = () => create(EmptySchema);

function snapshotsOf({ driver }: AgentParts): MachineSnapshots {
  if (driver.snapshots !== undefined) return driver.snapshots;
  throw new DriverError("refused", `${driver.name} can't take snapshots`);
}

function consolesOf({ driver }: AgentParts): MachineConsoles {
  if (driver.consoles !== undefined) return driver.consoles;
  throw new DriverError("refused", `${driver.name} can't open consoles`);
}

function movesOf({ driver }: AgentParts): MachineMoves {
  if (driver.moves !== undefined) return driver.moves;
  throw new DriverError("refused", `${driver.name} can't move machines`);
}

function flowsOf({ flows }: AgentParts): HostFlows {
  if (flows !== undefined) return flows;
  throw new DriverError("refused", "nothing is known of flows on this host");
}

/** Both ways at once, until either end closes. */
async function* consoleOf(parts: AgentParts, requests: AsyncIterable<OpenConsoleRequest>, signal: AbortSignal) {
  const asked = requests[Symbol.asyncIterator]();
  const { value: first } = await asked.next();
  if (first === undefined) return;
  const type = first.type === "vnc" ? "vnc" : "serial";
  const duplex = await consolesOf(parts).open(first.vmId, type, signal);
  const stop = () => duplex.destroy();
  signal.addEventListener("abort", stop, { once: true });
  const typed = async () => {
    for (let next = await asked.next(); next.done !== true; next = await asked.next()) duplex.write(next.value.data);
    duplex.end();
  };
  typed().catch(stop);
  try {
    yield { data: new Uint8Array() };
    for await (const data of duplex) yield { data: new Uint8Array(data) };
  } finally {
    stop();
  }
}

async function* exported(parts: AgentParts, request: ExportDiskRequest, signal: AbortSignal) {
  const { driver } = parts;
  if (driver.export === undefined) throw new DriverError("refused", `${driver.name} can't export disks`);
  const { sizeBytes, parts: file } = await driver.export(request.vmId, exportOf(request), signal);
  yield { sizeBytes };
  for await (const part of file) yield part instanceof Uint8Array ? { data: new Uint8Array(part) } : part;
}

/** A refusal keeps its reason; anything else stays in the log. */
export function refusals(log: AgentLog): Interceptor {
  const told = (name: string, error: unknown) => {
    if (!(error instanceof DriverError)) log.warn({ err: error, call: name }, "a call of the server failed");
    return toWire(error);
  };
  return (next) => async (request) => {
    const { name } = request.method;
    const tell = (error: unknown): never => {
      throw told(name, error);
    };
    const answer = await next(request).catch(tell);
    return answer.stream ? { ...answer, message: translated(answer.message, tell) } : answer;
  };
}

async function* translated<T>(messages: AsyncIterable<T>, tell: (error: unknown) => never): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    tell(error);
  }
}

/** Serves a driver. */
export function addAgentService(router: ConnectRouter, parts: AgentParts): void {
  const { driver } = parts;
  const after = (work: Promise<unknown>) => work.then(done);
  const implementation: ServiceImpl<typeof HostAgentService> = {
    follow: (_, { signal }) => follow(parts, signal),
    ensureImage: (requests, { signal }) => parts.intake.serve(driver, requests, signal),
    removeImage: ({ imageId }, { signal }) => after(driver.removeImage(imageId, signal)),
    define: (request, { signal }) => after(driver.define(specOf(request), signal)),
    start: ({ vmId }, { signal }) => after(driver.start(vmId, signal)),
    stop: ({ vmId, graceMs }, { signal }) => after(driver.stop(vmId, { graceMs }, signal)),
    reset: ({ vmId }, { signal }) => after(driver.reset(vmId, signal)),
    async getStatistics({ vmId }, { signal }) {
      const usage = await driver.statistics(vmId, signal);
      return usage === undefined ? {} : { usage: usageMessage(usage) };
    },
    getState: async ({ vmId }, { signal }) => stateMessage(await driver.state(vmId, signal)),
    remove: ({ vmId }, { signal }) => after(driver.remove(vmId, signal)),
    async getInventory(_, { signal }) {
      const { machines, images } = await driver.inventory(signal);
      return { machines: [...machines], images: [...images] };
    },
    takeSnapshot: async (of, { signal }) => after(snapshotsOf(parts).take(of.vmId, of.snapshotId, signal)),
    restoreSnapshot: async (of, { signal }) => after(snapshotsOf(parts).restore(of.vmId, of.snapshotId, signal)),
    removeSnapshot: async (of, { signal }) => after(snapshotsOf(parts).remove(of.vmId, of.snapshotId, signal)),
    listSnapshots: async ({ vmId }, { signal }) => ({
      snapshotIds: [...(await snapshotsOf(parts).list(vmId, signal))],
    }),
    offerMove: async (request, { signal }) => ({ ...(await movesOf(parts).offer(specOf(request), signal)) }),
    sendMove: async ({ vmId, offer }, { signal }) => after(movesOf(parts).send(vmId, offerOf(offer), signal)),
    getMove: async ({ vmId }, { signal }) => moveMessage(await movesOf(parts).state(vmId, signal)),
    settleMove: async ({ vmId }, { signal }) => after(movesOf(parts).settle(vmId, signal)),
    cancelMove: async ({ vmId }, { signal }) => after(movesOf(parts).cancel(vmId, signal)),
    openConsole: (requests, { signal }) => consoleOf(parts, requests, signal),
    async readConsoleLog({ vmId, maxBytes }, { signal }) {
      return { data: new Uint8Array(await consolesOf(parts).log(vmId, maxBytes, signal)) };
    },
    exportDisk: (request, { signal }) => exported(parts, request, signal),
    requestCertificate: async () => ({ pem: await parts.requestCertificate() }),
    async installCertificate({ pem }) {
      parts.installCertificate(pem);
      return done();
    },
    followFlows: (kept, { signal }) => flowsOf(parts).serve(kept, signal),
    askDirectory: (answers, { signal }) => parts.directory.serve(answers, signal),
  };
  router.service(HostAgentService, implementation);
}
