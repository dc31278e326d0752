import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Impact, State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { PowerState, VmSchema, type VmSpecSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DeviceType, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { acme, beta, faultOf, openSmallCloud, outcome, rival, type SmallCloud } from "../../testing/small-cloud.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

let made = 0;
const aName = () => `n${++made}`;
const aPort = async (tenant = acme) => {
  const vpc = await cloud.create(VpcSchema, { ...tenant, name: aName(), cidr: "10.0.0.0/16" });
  const subnet = await cloud.create(SubnetSchema, { ...tenant, name: aName(), vpcId: vpc.id });
  return cloud.create(PortSchema, { ...tenant, name: aName(), subnetId: subnet.id });
};
type Spec = Exclude<MessageInitShape<typeof VmSpecSchema>, { $typeName: "plasmavmc.v1.VmSpec" }>;
const aVm = (spec: Spec = {}, more: { powerState?: PowerState } = {}) =>
  cloud.create(VmSchema, { name: aName(), spec, ...more });
const aReadyVm = async (spec: Spec = {}, more: { powerState?: PowerState } = {}) =>
  cloud.ready(VmSchema, (await aVm(spec, more)).id);
const plugged = (...portIds: string[]): Spec => ({ network: portIds.map((portId, i) => ({ id: `eth${i}`, portId })) });
const deviceOf = async (portId: string) => (await cloud.get(PortSchema, portId)).deviceId;

describe("a VM", () => {
  test("gets its defaults and runs", async () => {
    const vm = await aReadyVm({ imageId: "debian-12" });
    expect(vm).toMatchObject({ powerState: PowerState.RUNNING, state: VmState.RUNNING });
    expect(vm.spec).toMatchObject({ cpu: 1, memory: 512, disks: [{ id: "root", sizeGib: 2 }] });
    expect(vm.status).toMatchObject({ state: State.READY, backend: "simulated" });
  });

  test("without an image gets an empty root disk", async () => {
    expect((await aVm()).spec?.disks).toMatchObject([{ id: "root", sizeGib: 1 }]);
  });

  test("that should be stopped is made and not started", async () => {
    expect((await aReadyVm({}, { powerState: PowerState.STOPPED })).state).toBe(VmState.STOPPED);
  });

  const wrong: [Spec, string][] = [
    [{ cpu: 0 }, "spec.cpu:range"],
    [{ memory: 1 }, "spec.memory:range"],
    [{ imageId: "nowhere" }, "spec.image_id:unknown_reference"],
    [{ imageId: "debian-12", disks: [{ id: "root", sizeGib: 1 }] }, "spec.disks[0].size_gib:range"],
    [
      {
        disks: [
          { id: "a", sizeGib: 1 },
          { id: "a", sizeGib: 1 },
        ],
      },
      "spec.disks[1].id:unique",
    ],
    [plugged("port-nowhere"), "spec.network[0].port_id:unknown_reference"],
    [{ network: [{ id: "eth0" }] }, "spec.network[0].port_id:required"],
  ];
  test.each(wrong)("%j is refused on %s", async (spec, where) => {
    expect(await outcome(aVm(spec))).toBe(`INVALID_FIELDS ${where}`);
  });

  test("is not made without a spec", async () => {
    expect(await outcome(cloud.create(VmSchema, { name: aName() }))).toBe("INVALID_FIELDS spec:required");
  });

  test("sees no image of another project", async () => {
    const sourceUrl = "https://images.example/tiny";
    const image = await cloud.create(ImageSchema, { ...beta, sourceUrl });
    const [a, b] = [await faultOf(aVm({ imageId: image.id })), await faultOf(aVm({ imageId: "nowhere" }))];
    expect(a.message.replace(image.id, "nowhere")).toBe(b.message);
  });
});

describe("a VM's disks", () => {
  const disks = (...sizes: number[]) => sizes.map((sizeGib, i) => ({ id: `d${i}`, sizeGib }));
  const change = (id: string, sizes: number[], allowsDataLoss = false) =>
    outcome(cloud.update(VmSchema, id, { spec: { disks: disks(...sizes) } }, ["spec.disks"], { allowsDataLoss }));

  test("grow, are added and removed, and never shrink", async () => {
    const { id } = await aReadyVm({ disks: disks(2, 2) });
    expect(await change(id, [1, 2])).toBe("INVALID_FIELDS spec.disks[0].size_gib:immutable");
    expect(await change(id, [2, 1])).toBe("INVALID_FIELDS spec.disks[1].size_gib:immutable");
    expect(await change(id, [3, 2, 1])).toBe("ok");
    expect(await change(id, [3])).toBe("DATA_LOSS spec.disks:data_loss");
    expect(await change(id, [3], true)).toBe("ok");
    const swapped = { spec: { disks: disks(3, 4).toReversed() } };
    expect(await outcome(cloud.update(VmSchema, id, swapped, ["spec.disks"]))).toBe(
      "INVALID_FIELDS spec.disks[0].id:immutable",
    );
    await cloud.ready(VmSchema, id);
    expect((await cloud.get(VmSchema, id)).spec?.disks).toMatchObject(disks(3));
  });

  test("stay when they are cleared", async () => {
    const { id } = await aReadyVm({ disks: disks(2, 2) });
    expect(await change(id, [])).toBe("ok");
    expect((await cloud.get(VmSchema, id)).spec?.disks).toMatchObject(disks(2, 2));
  });
});

describe("a VM's network", () => {
  test("takes its ports with it, fills in what they say, and gives them back when it is gone", async () => {
    const port = await aPort();
    const vm = await aVm(plugged(port.id));
    const { subnetId, macAddress, ipAddress } = port;
    const { vpcId } = await cloud.get(SubnetSchema, subnetId);
    expect(vm.spec?.network).toMatchObject([{ id: "eth0", networkId: vpcId, subnetId, macAddress, ipAddress }]);
    expect(await cloud.get(PortSchema, port.id)).toMatchObject({ deviceId: vm.id, deviceType: DeviceType.VM });
    await cloud.ready(VmSchema, vm.id);
    expect(await cloud.drivers.network.portStatus(port.id)).toEqual({ up: true });
    await cloud.delete(VmSchema, vm.id);
    await cloud.gone(VmSchema, vm.id);
    expect(await cloud.get(PortSchema, port.id)).toMatchObject({ deviceId: "", deviceType: DeviceType.UNSPECIFIED });
    expect(await cloud.drivers.network.portStatus(port.id)).toEqual({ up: false });
    expect(await outcome(cloud.delete(PortSchema, port.id))).toBe("ok");
  });

  test("can't take another VM's port, a foreign one, or one port twice", async () => {
    const [port, foreign] = [await aPort(), await aPort(rival)];
    const holder = await aVm(plugged(port.id));
    const taken = await faultOf(aVm(plugged(port.id)));
    expect(taken.details.violations).toMatchObject([{ path: "spec.network[0].port_id", rule: "in_use" }]);
    expect(taken.message).toContain(`vm ${holder.id}`);
    expect(await outcome(aVm(plugged(foreign.id)))).toBe("INVALID_FIELDS spec.network[0].port_id:unknown_reference");
    const free = await aPort();
    expect(await outcome(aVm(plugged(free.id, free.id)))).toBe("INVALID_FIELDS spec.network[1].port_id:unique");
    expect(await deviceOf(free.id)).toBe("");
  });

  test("gives a port to exactly one of many that ask at the same time", async () => {
    const port = await aPort();
    const vms = await Promise.all(Array.from({ length: 10 }, () => outcome(aVm(plugged(port.id)))));
    expect(vms.filter((one) => one === "ok")).toHaveLength(1);
  });

  test("is changed by an update: what goes is free again, what comes is taken", async () => {
    const [one, two, three] = [await aPort(), await aPort(), await aPort()];
    const { id } = await aReadyVm(plugged(one.id, two.id));
    const updated = await cloud.update(VmSchema, id, { spec: plugged(two.id, three.id) }, ["spec.network"]);
    expect(updated.spec?.network.map(({ ipAddress }) => ipAddress)).toEqual([two.ipAddress, three.ipAddress]);
    expect([await deviceOf(one.id), await deviceOf(two.id), await deviceOf(three.id)]).toEqual(["", id, id]);
    await cloud.ready(VmSchema, id);
    expect(await cloud.drivers.network.portStatus(one.id)).toEqual({ up: false });
    expect(await cloud.drivers.network.portStatus(three.id)).toEqual({ up: true });
  });

  test("holds its ports against hands and deletion", async () => {
    const port = await aPort();
    const vm = await aReadyVm(plugged(port.id));
    const fault = await faultOf(cloud.delete(PortSchema, port.id));
    expect(fault.reason).toBe("WRONG_STATE");
    expect(fault.details.resources).toEqual([`org/acme/project/alpha/vm/${vm.id}`]);
    expect(await outcome(cloud.custom(PortSchema, "DetachDevice", { id: port.id }))).toBe("WRONG_STATE");
    const attach = cloud.custom(PortSchema, "AttachDevice", { id: port.id, deviceId: "mine" });
    expect(await outcome(attach)).toBe("WRONG_STATE");
    expect(await deviceOf(port.id)).toBe(vm.id);
  });

  test("leaves the ports free when the VM is refused", async () => {
    const port = await aPort();
    expect(await outcome(aVm({ ...plugged(port.id), imageId: "nowhere" }))).toContain("image_id");
    expect(await deviceOf(port.id)).toBe("");
  });
});

describe("a VM's power", () => {
  test("is set by StopVm and StartVm", async () => {
    const { id } = await aReadyVm();
    expect((await cloud.custom(VmSchema, "StopVm", { id })).powerState).toBe(PowerState.STOPPED);
    expect((await cloud.ready(VmSchema, id)).state).toBe(VmState.STOPPED);
    expect(await cloud.drivers.hypervisor.state(id)).toEqual({ state: "stopped" });
    await cloud.custom(VmSchema, "StartVm", { id });
    expect((await cloud.ready(VmSchema, id)).state).toBe(VmState.RUNNING);
  });

  test("comes back after a restart that a change of CPUs or memory needs", async () => {
    const { id } = await aReadyVm();
    await cloud.update(VmSchema, id, { spec: { cpu: 2, memory: 1024 } }, ["spec.cpu", "spec.memory"]);
    await cloud.ready(VmSchema, id);
    expect(await cloud.drivers.hypervisor.state(id)).toEqual({ state: "running", needsRestart: false });
    expect(JSON.stringify(cloud.drivers.hypervisor.snapshot())).toContain('"memoryMib":1024');
  });

  test("comes back when the guest dies, which shows", async () => {
    const { id } = await aReadyVm();
    cloud.drivers.hypervisor.crash(id, "the kernel panicked");
    expect(await cloud.drivers.hypervisor.state(id)).toMatchObject({ state: "failed" });
    await cloud.until(VmSchema, id, ({ state }) => state !== VmState.RUNNING);
    await cloud.until(VmSchema, id, ({ state, status }) => state === VmState.RUNNING && status?.state === State.READY);
  });
});

describe("a plan of a VM", () => {
  const impacts = (answer: Message) => {
    const changes: unknown = Reflect.get(answer, "changes");
    if (!Array.isArray(changes)) return changes;
    return Object.fromEntries(changes.map((one: { path: string; impact: Impact }) => [one.path, one.impact]));
  };

  test("says what a change does to what runs", async () => {
    const disks = [
      { id: "root", sizeGib: 2 },
      { id: "data", sizeGib: 1 },
    ];
    const { id, name } = await aReadyVm({ disks });
    const plan = async (spec: Spec, paths: string[]) =>
      impacts(await cloud.plan(VmSchema, id, { name, spec }, { updateMask: { paths } }));
    expect(await plan({ cpu: 2 }, ["spec.cpu"])).toEqual({ "spec.cpu": Impact.RESTART });
    expect(await plan({ memory: 1024 }, ["spec.memory"])).toEqual({ "spec.memory": Impact.RESTART });
    expect(await plan({ disks: [{ id: "root", sizeGib: 3 }, disks[1] ?? {}] }, ["spec.disks"])).toEqual({
      "spec.disks": Impact.HOT,
    });
    expect(await plan({ disks: disks.slice(0, 1) }, ["spec.disks"])).toEqual({ "spec.disks": Impact.DATA_LOSS });
    expect(await plan({ imageId: "debian-12" }, ["spec.image_id"])).toEqual({ "spec.image_id": Impact.REPLACE });
    expect(await plan({ userData: "#cloud-config" }, ["spec.user_data"])).toEqual({ "spec.user_data": Impact.HOT });
  });

  test("takes no port", async () => {
    const port = await aPort();
    await cloud.plan(VmSchema, "", { name: aName(), spec: plugged(port.id) });
    expect(await deviceOf(port.id)).toBe("");
  });

  test("with a port that is not known yet is answered", async () => {
    const more = { unknownPaths: ["spec.network[0].port_id"] };
    expect(await outcome(cloud.plan(VmSchema, "", { name: aName(), spec: plugged("") }, more))).toBe("ok");
  });
});
