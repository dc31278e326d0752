import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { PowerState, VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { simulatedHypervisor } from "../../../backends/hypervisor/simulated/index.ts";
import { simulatedNetwork } from "../../../backends/network/simulated/index.ts";
import { systemClock } from "../../../clock.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { acme, openSmallCloud } from "../../testing/small-cloud.ts";
import { vmReconciler } from "./kind.steps.ts";

const image = create(ImageSchema, { id: "tiny" });

for (const [powerState, wanted] of [
  [PowerState.RUNNING, "run"],
  [PowerState.STOPPED, "be stopped"],
] as const)
  fiveLaws<typeof VmSchema, SimulatedDrivers>({
    name: `Vm that should ${wanted}`,
    reconciler: vmReconciler,
    makeResource: () => {
      const spec = { cpu: 1, memory: 512, imageId: image.id, disks: [{ id: "root", sizeGib: 1 }] };
      return create(VmSchema, { ...acme, id: "vm-1", name: "web", spec, powerState });
    },
    related: () => [{ schema: ImageSchema, id: image.id, message: image }],
    drivers: () => ({ ...simulatedDrivers() }),
    prepare: ({ hypervisor }) =>
      hypervisor.ensureImage(
        { imageId: image.id, format: "raw", architecture: "x86_64" },
        new AbortController().signal,
      ),
    snapshot: ({ hypervisor }) => hypervisor.snapshot(),
    // The simulated guest boots in 2 ms by the real clock: its change is waited for, not a time.
    wait: (_, { hypervisor }) => changeOf(hypervisor),
  });

/** Resolves when a machine changes, or soon if none does: the change may have come before. */
async function changeOf(hypervisor: SimulatedDrivers["hypervisor"]): Promise<void> {
  const changed = new AbortController();
  const stop = hypervisor.onChange(() => changed.abort());
  await systemClock.sleep(5, changed.signal);
  stop();
}

test("a VM whose guest ignores the shutdown shows STOPPING while the grace runs", async () => {
  const network = simulatedNetwork();
  const drivers = { network, hypervisor: simulatedHypervisor({ shutdownMs: "never" }) };
  const cloud = await openSmallCloud({ drivers });
  const { id } = await cloud.make(VmSchema, { name: "stubborn", spec: { cpu: 1 } });
  await cloud.custom(VmSchema, "StopVm", { id });
  const stopping = await cloud.until(VmSchema, id, ({ state }) => state === VmState.STOPPING);
  expect(stopping.status).toMatchObject({
    reason: "Stopping",
    message: expect.stringContaining("if it does not within 30 seconds, its plug is pulled"),
  });
  await cloud.drivers.hypervisor.stop(id, { graceMs: 0 }, new AbortController().signal);
  expect((await cloud.ready(VmSchema, id)).state).toBe(VmState.STOPPED);
  await cloud.stop();
});
