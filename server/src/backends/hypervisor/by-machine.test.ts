import { expect, test } from "@jest/globals";
import { HypervisorByMachine } from "./by-machine.ts";
import { hypervisorContract, sampleMachine, untilMachine } from "./contract.ts";
import type { HypervisorDriver, MachineSpec } from "./driver.ts";
import { type SimulatedHypervisor, simulatedHypervisor } from "./simulated/index.ts";

const { signal } = new AbortController();
const image = { imageId: "tiny", format: "raw", architecture: "x86_64" } as const;

async function twoKinds() {
  const drivers = { standard: simulatedHypervisor(), microvm: simulatedHypervisor() };
  const both = new HypervisorByMachine(drivers);
  await both.ensureImage(image, signal);
  return { ...drivers, both };
}

const machine = (vmId: string, kind?: "standard" | "microvm"): MachineSpec => ({
  ...sampleMachine(vmId, image.imageId),
  ...(kind && { machine: kind }),
});

const machinesOf = async (driver: SimulatedHypervisor) => (await driver.inventory()).machines;

hypervisorContract({
  name: "by machine, one that runs standard machines alone",
  open: async () => new HypervisorByMachine({ standard: simulatedHypervisor(), microvm: { missing: "no KVM" } }),
  image,
});
hypervisorContract({
  name: "by machine, one that runs both",
  open: async () => (await twoKinds()).both,
  openStubborn: async () =>
    new HypervisorByMachine({
      standard: simulatedHypervisor({ shutdownMs: "never" }),
      microvm: simulatedHypervisor(),
    }),
  image,
});

test("each machine goes to the driver of its kind; none named is standard", async () => {
  const { standard, microvm, both } = await twoKinds();
  await both.define(machine("vm-plain"), signal);
  await both.define(machine("vm-standard", "standard"), signal);
  await both.define(machine("vm-micro", "microvm"), signal);
  expect(await machinesOf(standard)).toEqual(["vm-plain", "vm-standard"]);
  expect(await machinesOf(microvm)).toEqual(["vm-micro"]);
  const inventory = { machines: ["vm-micro", "vm-plain", "vm-standard"], images: ["tiny"] };
  expect(await both.inventory(signal)).toEqual(inventory);
  await both.close();
});

test("a microVM is refused with the reason where none can run", async () => {
  const missing = "microVMs need a KVM that runs ordinary guests: this host has no /dev/kvm";
  const both = new HypervisorByMachine({ standard: simulatedHypervisor(), microvm: { missing } });
  await both.ensureImage(image, signal);
  await expect(both.define(machine("vm-micro", "microvm"), signal)).rejects.toMatchObject({
    reason: "refused",
    message: `vm vm-micro can't be a microVM here: ${missing}`,
  });
  expect((await both.inventory(signal)).machines).toEqual([]);
});

test("a machine does not change its kind", async () => {
  const { both } = await twoKinds();
  await both.define(machine("vm-1", "microvm"), signal);
  await expect(both.define(machine("vm-1"), signal)).rejects.toMatchObject({
    reason: "refused",
    message: "vm vm-1 is a microVM and can't become a standard machine; delete it and make another",
  });
  await both.remove("vm-1", signal);
  await both.define(machine("vm-1"), signal);
});

test("what is asked of a machine goes to the driver that has it, also after a restart, and news come from all", async () => {
  const { standard, microvm, both } = await twoKinds();
  await both.define(machine("vm-micro", "microvm"), signal);
  const again = new HypervisorByMachine({ standard, microvm });
  const heard: string[] = [];
  const stop = again.onChange(({ vmId }) => heard.push(vmId));
  await again.start("vm-micro", signal);
  await untilMachine(again, "vm-micro", "running", 5_000);
  expect(await microvm.state("vm-micro")).toEqual(await again.state("vm-micro", signal));
  expect(await again.statistics("vm-micro", signal)).toMatchObject({ disks: [{ id: "root" }] });
  await again.reset("vm-micro", signal);
  await untilMachine(again, "vm-micro", "running", 5_000);
  await again.stop("vm-micro", { graceMs: 0 }, signal);
  expect(await again.state("vm-micro", signal)).toEqual({ state: "stopped" });
  expect(new Set(heard)).toEqual(new Set(["vm-micro"]));
  stop();
  await again.remove("vm-micro", signal);
  expect(heard).toEqual(heard.filter((id) => id === "vm-micro"));
  expect((await again.inventory(signal)).machines).toEqual([]);
});

test("an image is removed nowhere for good while a machine of either kind stands on it", async () => {
  const { both } = await twoKinds();
  await both.define(machine("vm-micro", "microvm"), signal);
  await expect(both.removeImage("tiny", signal)).rejects.toMatchObject({ reason: "in_use" });
  expect((await both.inventory(signal)).images).toEqual(["tiny"]);
  await both.remove("vm-micro", signal);
  await both.removeImage("tiny", signal);
  expect((await both.inventory(signal)).images).toEqual([]);
});

test("what one kind can't do is refused for its machines alone", async () => {
  const { standard, microvm } = await twoKinds();
  const log = async (vmId: string) => Buffer.from(`log of ${vmId}`);
  const consoles = { open: () => Promise.reject(new Error("no one asks")), log };
  const snapshots = {
    take: async () => {},
    restore: async () => {},
    remove: async () => {},
    list: async () => ["snap-1"],
  };
  const both = new HypervisorByMachine({
    standard: withFacets(standard, { snapshots }),
    microvm: withFacets(microvm, { consoles }),
  });
  await both.define(machine("vm-plain"), signal);
  await both.define(machine("vm-micro", "microvm"), signal);
  expect(await both.snapshots?.list("vm-plain", signal)).toEqual(["snap-1"]);
  expect(await both.snapshots?.list("vm-micro", signal)).toEqual([]);
  await expect(both.snapshots?.take("vm-micro", "snap-1", signal)).rejects.toMatchObject({
    reason: "refused",
    message: "vm vm-micro is a microVM, which has no snapshots on this host",
  });
  expect(await both.consoles?.log("vm-micro", 100, signal)).toEqual(Buffer.from("log of vm-micro"));
  await expect(both.consoles?.log("vm-plain", 100, signal)).rejects.toMatchObject({ reason: "refused" });
  expect(both.export).toBeUndefined();
});

test("a standard machine moves as its driver has it, also to a host where it is nobody's yet; a microVM does not move", async () => {
  const { standard, microvm } = await twoKinds();
  const asked: string[] = [];
  const offer = { address: "unix:/nowhere", secret: "word" };
  const moves: NonNullable<HypervisorDriver["moves"]> = {
    offer: async ({ vmId }) => {
      asked.push(`offer ${vmId}`);
      return offer;
    },
    send: async (vmId) => void asked.push(`send ${vmId}`),
    state: async () => ({ phase: "done" }),
    settle: async (vmId) => void asked.push(`settle ${vmId}`),
    cancel: async (vmId) => void asked.push(`cancel ${vmId}`),
  };
  const both = new HypervisorByMachine({ standard: withFacets(standard, { moves }), microvm: withFacets(microvm, {}) });
  await both.define(machine("vm-plain"), signal);
  await both.define(machine("vm-micro", "microvm"), signal);
  expect(await both.moves?.offer(machine("vm-coming"), signal)).toEqual(offer);
  await both.moves?.settle("vm-coming", signal);
  await both.moves?.send("vm-plain", offer, signal);
  await both.moves?.cancel("vm-plain", signal);
  expect(await both.moves?.state("vm-plain", signal)).toEqual({ phase: "done" });
  expect(await both.moves?.state("vm-micro", signal)).toBeUndefined();
  expect(asked).toEqual(["offer vm-coming", "settle vm-coming", "send vm-plain", "cancel vm-plain"]);
  const refused = {
    reason: "refused",
    message: expect.stringContaining("is a microVM, which has no moves on this host"),
  };
  await expect(both.moves?.send("vm-micro", offer, signal)).rejects.toMatchObject(refused);
  await expect(both.moves?.offer(machine("vm-more", "microvm"), signal)).rejects.toMatchObject(refused);
});

/** The driver with these facets and no others. */
function withFacets(
  driver: HypervisorDriver,
  facets: Pick<HypervisorDriver, "snapshots" | "consoles" | "moves">,
): HypervisorDriver {
  return {
    name: driver.name,
    volatile: driver.volatile,
    ...facets,
    ensureImage: (...args) => driver.ensureImage(...args),
    removeImage: (...args) => driver.removeImage(...args),
    define: (...args) => driver.define(...args),
    start: (...args) => driver.start(...args),
    stop: (...args) => driver.stop(...args),
    reset: (...args) => driver.reset(...args),
    statistics: (...args) => driver.statistics(...args),
    state: (...args) => driver.state(...args),
    remove: (...args) => driver.remove(...args),
    inventory: (...args) => driver.inventory(...args),
    onChange: (...args) => driver.onChange(...args),
    close: () => driver.close(),
  };
}
