import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Impact, State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import {
  MachineType,
  PowerState,
  RestartPolicy,
  type Vm,
  VmSchema,
  type VmSpecSchema,
  VmState,
} from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import { simulatedHypervisor } from "../../../backends/hypervisor/simulated/index.ts";
import { simulatedNetwork } from "../../../backends/network/simulated/index.ts";
import { faultOf, openSmallCloud, outcome, type SmallCloud } from "../../testing/small-cloud.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

let made = 0;
const aName = () => `n${++made}`;
type Spec = Exclude<MessageInitShape<typeof VmSpecSchema>, { $typeName: "plasmavmc.v1.VmSpec" }>;
const aVm = (spec: Spec = {}, more: { powerState?: PowerState; deletionProtection?: boolean } = {}) =>
  cloud.make(VmSchema, { name: aName(), spec, ...more });
const until = (id: string, is: (vm: Vm) => boolean) => cloud.until(VmSchema, id, is);
const crash = (id: string) => cloud.drivers.hypervisor.crash(id, "the kernel panicked");
const runs = ({ state, status }: Vm) => state === VmState.RUNNING && status?.state === State.READY;

describe("a machine that ends by itself", () => {
  const policy = (restartPolicy: RestartPolicy) => aVm({ restartPolicy });

  test.each([RestartPolicy.ALWAYS, RestartPolicy.ON_FAILURE])(
    "is started again when it died, by policy %s",
    async (one) => {
      const { id } = await policy(one);
      crash(id);
      const again = await until(id, (vm) => vm.restarts === 1 && runs(vm));
      expect(again.stateReason).toBe("the kernel panicked");
    },
  );

  test("is started ever more slowly when it dies again and again, and says when", async () => {
    const { id } = await policy(RestartPolicy.ALWAYS);
    crash(id);
    await until(id, (vm) => vm.restarts === 1 && runs(vm));
    crash(id);
    const waiting = await until(id, ({ restarts }) => restarts === 2);
    expect(waiting).toMatchObject({ state: VmState.FAILED, stateReason: "the kernel panicked" });
    expect(waiting.restartTime).toBeDefined();
    await cloud.custom(VmSchema, "StartVm", { id });
    expect((await until(id, runs)).restarts).toBe(0);
  });

  test("is left dead by policy never, says why, and is started by StartVm", async () => {
    const { id } = await policy(RestartPolicy.NEVER);
    crash(id);
    const dead = await until(id, ({ status }) => status?.state === State.FAILED);
    expect(dead).toMatchObject({ state: VmState.FAILED, restarts: 0, powerState: PowerState.RUNNING });
    expect(dead.status?.message).toBe(
      "the machine failed: the kernel panicked; its restart policy leaves it so, StartVm starts it",
    );
    await cloud.custom(VmSchema, "StartVm", { id });
    await until(id, runs);
  });

  test("is left off when its guest shut itself down, but by policy always", async () => {
    for (const one of [RestartPolicy.ON_FAILURE, RestartPolicy.NEVER]) {
      const { id } = await policy(one);
      cloud.drivers.hypervisor.shutDown(id);
      const off = await until(id, ({ state, stateReason }) => state === VmState.STOPPED && stateReason !== "");
      expect(off.stateReason).toContain("the guest shut itself down");
      expect(off.status?.state).toBe(State.READY);
    }
    const { id } = await policy(RestartPolicy.ALWAYS);
    cloud.drivers.hypervisor.shutDown(id);
    await until(id, (vm) => vm.restarts === 1 && runs(vm));
  });

  test("is not taken for one when it is stopped, started or restarted by hand, whatever its policy", async () => {
    const { id } = await policy(RestartPolicy.NEVER);
    await cloud.custom(VmSchema, "StopVm", { id });
    await cloud.custom(VmSchema, "StartVm", { id });
    await cloud.ready(VmSchema, id);
    await cloud.update(VmSchema, id, { spec: { memory: 1024 } }, ["spec.memory"]);
    expect(await cloud.ready(VmSchema, id)).toMatchObject({ state: VmState.RUNNING, restarts: 0, stateReason: "" });
  });

  test("can be stopped when it is dead", async () => {
    const { id } = await policy(RestartPolicy.NEVER);
    crash(id);
    await until(id, ({ state }) => state === VmState.FAILED);
    await cloud.custom(VmSchema, "StopVm", { id });
    expect((await cloud.ready(VmSchema, id)).state).toBe(VmState.STOPPED);
  });
});

describe("ResetVm", () => {
  test("resets a running machine, each time that it is asked", async () => {
    const { id } = await aVm();
    for (const resets of [1, 2]) {
      expect((await cloud.custom(VmSchema, "ResetVm", { id })).resets).toBe(resets);
      await until(id, (vm) => vm.resetsDone === resets && runs(vm));
    }
  });

  test("is refused while the machine does not run", async () => {
    const { id } = await aVm({}, { powerState: PowerState.STOPPED });
    expect(await outcome(cloud.custom(VmSchema, "ResetVm", { id }))).toBe("WRONG_STATE");
  });
});

describe("RebootVm", () => {
  const reboot = (id: string) => cloud.custom(VmSchema, "RebootVm", { id });

  test("shuts a running guest down and starts it again, each time that it is asked, whatever its restart policy", async () => {
    const { id } = await aVm({ restartPolicy: RestartPolicy.NEVER });
    for (const reboots of [1, 2]) {
      const before = (await cloud.ready(VmSchema, id)).startTime;
      expect((await reboot(id)).reboots).toBe(reboots);
      const after = await until(id, (vm) => vm.rebootsDone === reboots && runs(vm));
      expect(after).toMatchObject({ restarts: 0, stateReason: "" });
      expect(after.startTime).not.toEqual(before);
    }
  });

  test("is done once for several that are asked for before it is", async () => {
    const { id } = await aVm();
    await Promise.all([reboot(id), reboot(id)]);
    await until(id, (vm) => vm.rebootsDone === 2 && runs(vm));
  });

  test("is over when the machine was stopped meanwhile, which stays so", async () => {
    const { id } = await aVm();
    await reboot(id);
    await cloud.custom(VmSchema, "StopVm", { id });
    const off = await until(id, (vm) => vm.rebootsDone === 1 && vm.state === VmState.STOPPED);
    expect(off.powerState).toBe(PowerState.STOPPED);
  });

  test("is refused while the machine does not run", async () => {
    const { id } = await aVm({}, { powerState: PowerState.STOPPED });
    expect(await outcome(reboot(id))).toBe("WRONG_STATE");
  });
});

describe("deletion_protection", () => {
  const impactless = (vm: Vm, spec: Spec, paths: string[]) =>
    cloud.plan(VmSchema, vm.id, { name: vm.name, spec }, { updateMask: { paths } });

  test("keeps a machine from being deleted and replaced, and is named", async () => {
    const vm = await aVm({}, { deletionProtection: true });
    const fault = await faultOf(cloud.delete(VmSchema, vm.id));
    expect(fault.reason).toBe("PROTECTED");
    expect(fault.details.violations).toMatchObject([{ path: "deletion_protection", rule: "protected" }]);
    expect(fault.message).toContain("set it to false first");
    const replaced = impactless(vm, { imageId: "debian-12" }, ["spec.image_id"]);
    expect(await outcome(replaced)).toBe("PROTECTED deletion_protection:protected");
    expect(await outcome(impactless(vm, { userData: "#cloud-config" }, ["spec.user_data"]))).toBe("ok");
    await cloud.update(VmSchema, vm.id, { deletionProtection: false }, ["deletion_protection"]);
    expect(await outcome(cloud.delete(VmSchema, vm.id))).toBe("ok");
  });

  test("is off where nobody asks for it", async () => {
    expect((await aVm()).deletionProtection).toBe(false);
  });
});

describe("a machine's description", () => {
  test("names devices of its own in the boot order", async () => {
    const disks = [
      { id: "root", sizeGib: 1 },
      { id: "cd", sizeGib: 1 },
    ];
    const order = (...bootOrder: string[]) =>
      outcome(cloud.create(VmSchema, { name: aName(), spec: { disks, bootOrder } }));
    expect(await order("cd", "root")).toBe("ok");
    expect(await order("root", "eth0")).toBe("INVALID_FIELDS spec.boot_order[1]:unknown_device");
    expect(await order("root", "root")).toBe("INVALID_FIELDS spec.boot_order[1]:unique");
  });

  test("takes OpenSSH keys, and nothing else for one", async () => {
    const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me";
    const { id } = await aVm({ sshKeys: [key] });
    expect(JSON.stringify(cloud.drivers.hypervisor.snapshot())).toContain(key);
    expect((await cloud.get(VmSchema, id)).spec?.sshKeys).toEqual([key]);
    const wrong = cloud.create(VmSchema, { name: aName(), spec: { sshKeys: [`${key}\nssh-rsa AAAA`] } });
    expect(await outcome(wrong)).toBe("INVALID_FIELDS spec.ssh_keys[0]:pattern");
  });

  test("takes new user data and keys while it runs, without a restart", async () => {
    const { id, startTime } = await aVm({ userData: "#cloud-config" });
    await cloud.update(VmSchema, id, { spec: { userData: "#!/bin/sh" } }, ["spec.user_data"]);
    expect(await cloud.ready(VmSchema, id)).toMatchObject({ state: VmState.RUNNING, startTime });
  });

  test("is refused as a microVM, at the plan and at the creation, where no host runs any", async () => {
    const hypervisor = simulatedHypervisor({ microvms: false });
    const small = await openSmallCloud({ drivers: { network: simulatedNetwork(), hypervisor } });
    const micro = { name: "tiny", spec: { machine: MachineType.MICROVM } };
    expect(await outcome(small.create(VmSchema, micro))).toBe("INVALID_FIELDS spec.machine:unsupported");
    await expect(small.plan(VmSchema, "", micro, {})).rejects.toThrow("this host runs no microVMs");
    await small.stop();
    expect((await aVm({ machine: MachineType.MICROVM })).state).toBe(VmState.RUNNING);
  });

  const growth: readonly [cpu: boolean, memory: boolean, now: number, Spec, Impact][] = [
    [true, false, 512, { cpu: 4 }, Impact.HOT],
    [true, false, 512, { cpu: 5 }, Impact.RESTART],
    [true, false, 512, { cpu: 1 }, Impact.RESTART],
    [false, true, 512, { cpu: 4 }, Impact.RESTART],
    [true, false, 512, { memory: 1024 }, Impact.RESTART],
    [true, true, 512, { memory: 1024 }, Impact.HOT],
    [true, true, 512, { memory: 700 }, Impact.RESTART],
    [true, true, 512, { memory: 1152 }, Impact.RESTART],
    [true, true, 384, { memory: 512 }, Impact.RESTART],
  ];
  test.each(growth)(
    "where cpu grows: %p, memory: %p, one of 2 CPUs and %i MiB that becomes %j has the impact %i",
    async (...one) => {
      const [cpu, memory, now, spec, impact] = one;
      const hypervisor = simulatedHypervisor({ growsWhileRunning: { cpu, memory } });
      const growing = await openSmallCloud({ drivers: { network: simulatedNetwork(), hypervisor } });
      const vm = await growing.make(VmSchema, { name: "web", spec: { cpu: 2, memory: now } });
      const updateMask = { paths: Object.keys(spec).map((name) => `spec.${name}`) };
      const answer = await growing.plan(VmSchema, vm.id, { name: "web", spec }, { updateMask });
      expect(Reflect.get(answer, "changes")).toMatchObject([{ impact }]);
      await growing.stop();
    },
  );

  test("grows while it runs where the host can", async () => {
    const hypervisor = simulatedHypervisor({ growsWhileRunning: { cpu: true, memory: false } });
    const growing = await openSmallCloud({ drivers: { network: simulatedNetwork(), hypervisor } });
    const vm = await growing.make(VmSchema, { name: "web", spec: { cpu: 2, memory: 512 } });
    await growing.update(VmSchema, vm.id, { spec: { cpu: 4 } }, ["spec.cpu"]);
    expect(await growing.ready(VmSchema, vm.id)).toMatchObject({ startTime: vm.startTime });
    await growing.stop();
  });
});

test("GetVmStatistics tells what a running machine uses, and that a stopped one uses nothing", async () => {
  const { id } = await aVm({ memory: 128 });
  const used = await cloud.ask(VmSchema, "GetVmStatistics", { id });
  expect(used).toMatchObject({ memoryBytes: 128n * 1024n ** 2n, disks: [{ id: "root", readBytes: 0n }], nics: [] });
  await cloud.custom(VmSchema, "StopVm", { id });
  await until(id, ({ state }) => state === VmState.STOPPED);
  expect(await outcome(cloud.ask(VmSchema, "GetVmStatistics", { id }))).toBe("WRONG_STATE");
});

test("a VM whose image is broken waits and says for what, and the image says why", async () => {
  const hypervisor = simulatedHypervisor();
  const ensureImage = hypervisor.ensureImage.bind(hypervisor);
  hypervisor.ensureImage = async (source, signal) => {
    if (source.url === undefined) return ensureImage(source, signal);
    throw new DriverError("refused", "the bytes have another digest than sha256:00");
  };
  const broken = await openSmallCloud({ drivers: { network: simulatedNetwork(), hypervisor } });
  const image = await broken.create(ImageSchema, { sourceUrl: "https://images.example/broken" });
  const vm = await broken.create(VmSchema, { name: "web", spec: { imageId: image.id } });
  const failed = await broken.until(ImageSchema, image.id, ({ status }) => status?.state === State.FAILED);
  expect(failed.status).toMatchObject({ reason: "BackendRefused", message: expect.stringContaining("another digest") });
  const waiting = await broken.until(VmSchema, vm.id, ({ status }) => status?.reason === "WaitingFor");
  expect(waiting.status?.message).toContain(`spec.image_id: org/acme/project/alpha/image/${image.id} is not ready yet`);
  await broken.stop();
});
