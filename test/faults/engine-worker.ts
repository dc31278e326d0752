// A server's engine as a process of its own, for engine-share.test.ts: node engine-worker.ts {store URL} {backend's folder}.
// It says "started" when it works, and stops on SIGTERM.
import { setTimeout as sleep } from "node:timers/promises";
import type { DescMessage } from "@bufbuild/protobuf";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { systemClock } from "../../server/src/clock.ts";
import { createEngine } from "../../server/src/engine/engine.ts";
import { silentLog } from "../../server/src/engine/hooks.ts";
import type { Step, StepContext } from "../../server/src/engine/reconciler.ts";
import { openStore } from "../../server/src/store/open.ts";
import { FolderBackend } from "./folder-backend.ts";

const [, , url = "", folder = ""] = process.argv;

/** How long a thing takes to make, so that a kill finds many of them half-made. */
const makingMs = 15;

type Context = StepContext<DescMessage, FolderBackend>;

function thing(type: string): Step<DescMessage, FolderBackend> {
  const alone = (c: Context, work: () => void) =>
    c.drivers.alone(c.id, async () => {
      await sleep(makingMs);
      work();
    });
  return {
    name: type,
    ensure: (c) => alone(c, () => c.drivers.make(`${type}-${c.id}`)),
    remove: (c) => alone(c, () => c.drivers.unmake(`${type}-${c.id}`)),
  };
}

function kind(schema: DescMessage, ...types: string[]) {
  return { schema, reconciler: { schema, backend: () => "folder", steps: types.map(thing) } };
}

const store = await openStore(url);
const engine = createEngine({
  store,
  kinds: [kind(VpcSchema, "router", "table"), kind(SubnetSchema, "switch", "gateway")],
  drivers: new FolderBackend(folder),
  clock: systemClock,
  random: Math.random,
  owner: `worker-${process.pid}`,
  log: silentLog,
  concurrency: 4,
  leaseMs: 1_500,
});

async function stop(): Promise<void> {
  await engine.stop();
  await store.close();
}

process.once("SIGTERM", () => void stop());
engine.start();
process.stdout.write("started\n");
