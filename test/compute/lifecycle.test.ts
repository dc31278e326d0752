// The platform's VM scenario on a real network and with real guests, through the real API.
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readRunning } from "../../server/src/backends/hypervisor/qemu/definition.ts";
import { identityOf } from "../../server/src/backends/hypervisor/qemu/process.ts";
import { tapOf } from "../../server/src/backends/hypervisor/qemu/taps.ts";
import { runCommand } from "../../server/src/backends/linux/command.ts";
import { Hands, type Json } from "../scenarios/calls.ts";
import { tellsItsCloud } from "./first-boot.ts";
import { type GuestCloud, guestPatienceMs, guestsMissing, startGuestCloud } from "./guest-cloud.ts";

const memory = 128;
/** Waits for a second interface, asks for its address, and says when it is there no more. */
const takesEth1 = `#!/bin/sh
(
  until [ -e /sys/class/net/eth1 ]; do sleep 1; done
  ip link set eth1 up
  udhcpc -i eth1 -b -t 20 -T 1 -s /bin/udhcpc-script
  while [ -e /sys/class/net/eth1 ]; do sleep 1; done
  echo "eth1 is gone"
) > /dev/console 2>&1 &
`;

const missing = guestsMissing();
const suite = missing === undefined ? describe : describe.skip;

suite(`a machine on a real network${missing === undefined ? "" : ` (${missing})`}`, () => {
  let guests: GuestCloud;
  beforeAll(async () => {
    guests = await startGuestCloud();
  }, guestPatienceMs);
  afterAll(() => guests?.stop(), guestPatienceMs);

  const handsIn = async (org: string) =>
    new Hands(guests.cloud.url, await guests.cloud.tenant(org, "project-alpha"), guestPatienceMs);
  const devices = async () => (await runCommand("ip", ["-n", guests.hostNamespace, "-o", "link"])).stdout;
  const vmOn = (hands: Hands, name: string, port: Json, more: Json = {}) =>
    hands.create("Vm", {
      name,
      spec: { cpu: 1, memory, image_id: "tiny", network: [{ id: "eth0", port_id: port.id }], ...more },
    });

  test(
    "prismnet_port_attachment_lifecycle",
    async () => {
      const alice = await handsIn("acme-corp");
      const vpc = await alice.create("Vpc", { name: "main-vpc", cidr: "10.0.0.0/16" });
      const block = { cidr: "10.0.1.0/24", gateway: "10.0.1.1", dhcp_enabled: true };
      const subnet = await alice.create("Subnet", { vpc_id: vpc.id, name: "web-subnet", ...block });
      const rules = { web: { direction: "DIRECTION_INGRESS", protocol: "PROTOCOL_TCP", port_range: { first: 80 } } };
      const group = await alice.create("SecurityGroup", { name: "web", rules });
      const inSubnet = { subnet_id: subnet.id, security_group_ids: [group.id] };
      const port = await alice.create("Port", { ...inSubnet, name: "vm-port", ip_address: "10.0.1.10" });
      const peerPort = await alice.create("Port", { ...inSubnet, name: "peer-port", ip_address: "10.0.1.11" });

      const peer = await vmOn(alice, "peer", peerPort);
      const peerName = "peer.project-alpha.acme-corp.cloud.internal";
      const user_data = tellsItsCloud({ address: "10.0.1.11", name: peerName });
      const vm = await vmOn(alice, "web-server-1", port, { user_data });
      expect(await alice.ready("Vm", vm.id)).toMatchObject({ state: "VM_STATE_RUNNING", status: { backend: "qemu" } });

      // DHCP, metadata with a token, a name and a peer's page, all as the guest sees them.
      await guests.says(vm.id, /^address eth0 10\.0\.1\.10$/m);
      const [, instanceId, hostname] = await guests.says(vm.id, /^metadata: (\S+) (\S+)$/m);
      expect([instanceId, hostname]).toEqual([vm.id, "web-server-1.project-alpha.acme-corp.cloud.internal"]);
      await guests.says(vm.id, new RegExp(`^name: ${peerName} .*10\\.0\\.1\\.11`, "m"));
      await guests.says(vm.id, /^page: hello from peer$/m);
      const attached = { deviceId: vm.id, deviceType: "DEVICE_TYPE_VM", up: true, macAddress: port.macAddress };
      expect(await alice.until("Port", port.id, ({ up }) => up === true)).toMatchObject(attached);

      await alice.must("Vm", "StopVm", { id: vm.id });
      await alice.until("Vm", vm.id, ({ state }) => state === "VM_STATE_STOPPED");
      await alice.until("Port", port.id, ({ up }) => up !== true);
      await alice.must("Vm", "StartVm", { id: vm.id });
      const again = await alice.until("Vm", vm.id, ({ state }) => state === "VM_STATE_RUNNING");
      const { ipAddress, macAddress } = port;
      expect(again).toMatchObject({ spec: { network: [{ portId: port.id, ipAddress, macAddress }] } });
      await guests.says(vm.id, /^READY/m, 2);
      await guests.says(vm.id, /^page: hello from peer$/m, 2);
      expect(await alice.until("Port", port.id, ({ up }) => up === true)).toMatchObject(attached);

      const files = guests.files(vm.id);
      const pid = readRunning(files)?.process.pid ?? 0;
      const tap = tapOf({ vmId: vm.id }, { id: "eth0" });
      expect([identityOf(pid)?.pid, await devices()]).toEqual([pid, expect.stringContaining(tap)]);
      await alice.remove("Vm", vm.id);
      expect([identityOf(pid), await devices()]).toEqual([undefined, expect.not.stringContaining(tap)]);
      expect(existsSync(files.folder)).toBe(false);
      const freed = await alice.until("Port", port.id, ({ up }) => up !== true);
      expect([freed.deviceId ?? "", freed.deviceType ?? ""]).toEqual(["", ""]);

      await alice.remove("Vm", peer.id);
      for (const [kind, { id }] of [
        ["Port", port],
        ["Port", peerPort],
        ["SecurityGroup", group],
        ["Subnet", subnet],
        ["Vpc", vpc],
      ] as const)
        await alice.remove(kind, id);
    },
    4 * guestPatienceMs,
  );

  test(
    "takes an interface as it runs, gets its address by DHCP, and lets go of it again",
    async () => {
      const carol = await handsIn("plugging-corp");
      const vpc = await carol.create("Vpc", { name: "main", cidr: "10.0.0.0/16" });
      const subnet = await carol.create("Subnet", { vpc_id: vpc.id, name: "web" });
      const [first, second] = [
        await carol.create("Port", { subnet_id: subnet.id, name: "one" }),
        await carol.create("Port", { subnet_id: subnet.id, name: "two" }),
      ];
      const vm = await vmOn(carol, "web", first, { user_data: takesEth1 });
      await guests.says(vm.id, /^READY/m);
      const pid = readRunning(guests.files(vm.id))?.process.pid;
      const has = async (...ports: readonly Json[]) => {
        const network = ports.map(({ id }, i) => ({ id: `eth${i}`, port_id: id }));
        await carol.must("Vm", "UpdateVm", { id: vm.id, vm: { spec: { network } }, update_mask: "spec.network" });
      };
      await has(first, second);
      await guests.says(vm.id, new RegExp(`^address eth1 ${String(second.ipAddress).replaceAll(".", "\\.")}$`, "m"));
      await carol.until("Port", second.id, ({ up }) => up === true);
      await has(first);
      await guests.says(vm.id, /^eth1 is gone$/m);
      const freed = await carol.until("Port", second.id, ({ deviceId = "" }) => deviceId === "");
      expect(freed.up ?? false).toBe(false);
      expect(await devices()).not.toContain(tapOf({ vmId: vm.id }, { id: "eth1" }));
      expect(readRunning(guests.files(vm.id))?.process.pid).toBe(pid);
      await carol.remove("Vm", vm.id);
    },
    4 * guestPatienceMs,
  );

  test(
    "keeps its addresses through a stop of the server, a restore and another size, and takes new user data as it runs",
    async () => {
      const bob = await handsIn("restart-corp");
      const vpc = await bob.create("Vpc", { name: "main", cidr: "10.0.0.0/16" });
      const subnet = await bob.create("Subnet", { vpc_id: vpc.id, name: "web" });
      const ports = [await bob.create("Port", { subnet_id: subnet.id, name: "one" })];
      ports.push(await bob.create("Port", { subnet_id: subnet.id, name: "two" }));
      const network = ports.map(({ id }, i) => ({ id: `eth${i}`, port_id: id }));
      // That the server ended it is none of its guest's doing.
      const spec = { cpu: 1, memory, image_id: "tiny", network, restart_policy: "RESTART_POLICY_NEVER" };
      const vm = await bob.create("Vm", { name: "web", spec });
      const pidNow = () => readRunning(guests.files(vm.id))?.process.pid ?? 0;
      const addressed = async (times: number) => {
        for (const [i, { id }] of ports.entries()) {
          const { ipAddress } = await (await handsIn("restart-corp")).get("Port", id);
          await guests.says(
            vm.id,
            new RegExp(`^address eth${i} ${String(ipAddress).replaceAll(".", "\\.")}$`, "m"),
            times,
          );
        }
      };
      await guests.says(vm.id, /^READY/m);
      await addressed(1);
      const pid = pidNow();
      await guests.cloud.restart();
      expect(identityOf(pid)).toBeUndefined();
      await guests.says(vm.id, /^READY/m, 2);
      await addressed(2);
      const again = await handsIn("restart-corp");
      await again.ready("Vm", vm.id);
      const macs = async () => JSON.stringify((await again.get("Vm", vm.id)).spec).match(/fa:16:3e[0-9a-f:]+/g);
      const [macsBefore, pidBefore] = [await macs(), pidNow()];
      await again.must("Vm", "UpdateVm", {
        id: vm.id,
        vm: { spec: { user_data: "#!/bin/sh\n" } },
        update_mask: "spec.userData",
      });
      await again.ready("Vm", vm.id);
      expect([pidNow(), pidBefore > 0]).toEqual([pidBefore, true]);

      const snapshots = "plasmavmc.v1.VmSnapshotService";
      const taken = await again.call("Vm", "CreateVmSnapshot", { name: "whole", vm_id: vm.id }, snapshots);
      const snapshot_id = String(taken.body.id);
      await again.must("Vm", "StopVm", { id: vm.id });
      await again.until("Vm", vm.id, ({ state }) => state === "VM_STATE_STOPPED");
      await again.must("Vm", "UpdateVm", {
        id: vm.id,
        vm: { spec: { memory: 2 * memory } },
        update_mask: "spec.memory",
      });
      await again.must("Vm", "RestoreVm", { id: vm.id, snapshot_id });
      await again.must("Vm", "StartVm", { id: vm.id });
      await guests.says(vm.id, /^READY/m, 3);
      await addressed(3);
      await guests.says(vm.id, /^tick \d+ .* memory=2[0-9]{5} /m);
      expect(await macs()).toEqual(macsBefore);
      expect(macsBefore).toHaveLength(2);
      for (const { id } of ports) await again.until("Port", id, ({ up }) => up === true);
    },
    4 * guestPatienceMs,
  );
});
