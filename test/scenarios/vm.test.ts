// The platform's VM scenario, against a real server over HTTP: a port's device comes and goes with the VM.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { Hands } from "./calls.ts";

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud.stop());

test("prismnet_port_attachment_lifecycle", async () => {
  const alice = new Hands(cloud.url, await cloud.tenant("acme-corp", "project-alpha"));
  const vpc = await alice.create("Vpc", { name: "main-vpc", cidr: "10.0.0.0/16" });
  const block = { cidr: "10.0.1.0/24", gateway: "10.0.1.1", dhcp_enabled: true };
  const subnet = await alice.create("Subnet", { vpc_id: vpc.id, name: "web-subnet", ...block });
  const port = await alice.create("Port", { subnet_id: subnet.id, name: "vm-port", ip_address: "10.0.1.10" });
  expect(port).toMatchObject({
    ipAddress: "10.0.1.10",
    macAddress: expect.stringMatching(/^fa:16:3e(:[0-9a-f]{2}){3}$/),
  });
  expect(port.deviceId ?? "").toBe("");

  const spec = { network: [{ id: "eth0", port_id: port.id }] };
  const vm = await alice.create("Vm", { name: "web-server-1", spec });
  const { ipAddress, macAddress } = port;
  const plugged = { id: "eth0", portId: port.id, networkId: vpc.id, subnetId: subnet.id, ipAddress, macAddress };
  expect(vm.spec).toMatchObject({ network: [plugged] });
  expect(await alice.get("Port", port.id)).toMatchObject({ deviceId: vm.id, deviceType: "DEVICE_TYPE_VM" });
  expect(await alice.ready("Vm", vm.id)).toMatchObject({ state: "VM_STATE_RUNNING", status: { backend: "simulated" } });

  const second = await alice.call("Vm", "CreateVm", { name: "web-server-2", spec });
  expect(second).toMatchObject({ status: 400, body: { code: "invalid_argument" } });
  const removal = await alice.call("Port", "DeletePort", { id: port.id });
  expect(removal.body).toMatchObject({ code: "failed_precondition", message: expect.stringContaining(vm.id) });

  await alice.must("Vm", "StopVm", { id: vm.id });
  const stopped = await alice.until("Vm", vm.id, ({ state }) => state === "VM_STATE_STOPPED");
  expect(stopped).toMatchObject({ powerState: "POWER_STATE_STOPPED" });
  expect(await alice.get("Port", port.id)).toMatchObject({ deviceId: vm.id });

  await alice.remove("Vm", vm.id);
  const freed = await alice.get("Port", port.id);
  expect([freed.deviceId ?? "", freed.deviceType ?? ""]).toEqual(["", ""]);
  expect(freed).toMatchObject({ ipAddress, macAddress });

  const again = await alice.create("Vm", { name: "web-server-1", spec });
  expect(await alice.get("Port", port.id)).toMatchObject({ deviceId: again.id });
  await alice.remove("Vm", again.id);
  for (const [kind, { id }] of [
    ["Port", port],
    ["Subnet", subnet],
    ["Vpc", vpc],
  ] as const)
    await alice.remove(kind, id);
});

test("a restarted server makes the simulated machines again", async () => {
  const bob = new Hands(cloud.url, await cloud.tenant("restart-corp", "project-alpha"));
  const vpc = await bob.create("Vpc", { name: "main", cidr: "10.0.0.0/16" });
  const subnet = await bob.create("Subnet", { vpc_id: vpc.id, name: "web" });
  const port = await bob.create("Port", { subnet_id: subnet.id, name: "web" });
  const vm = await bob.create("Vm", { name: "web", spec: { network: [{ id: "eth0", port_id: port.id }] } });
  await bob.ready("Vm", vm.id);
  await cloud.restart();
  await bob.must("Vm", "StopVm", { id: vm.id });
  await bob.until("Vm", vm.id, ({ state }) => state === "VM_STATE_STOPPED");
  await bob.remove("Vm", vm.id);
  await bob.remove("Port", port.id);
});
