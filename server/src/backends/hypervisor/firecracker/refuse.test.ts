import { expect, test } from "@jest/globals";
import { sampleMachine } from "../contract.ts";
import type { MachineSpec } from "../driver.ts";
import { needsRestart } from "./pending.ts";
import { refuseImpossible } from "./refuse.ts";

const spec = sampleMachine("vm-1", "tiny");
const disks = [...spec.disks, { id: "data", sizeGib: 1 }];

const impossible: readonly (readonly [string, Partial<MachineSpec>, RegExp])[] = [
  ["another architecture", { architecture: "aarch64" }, /x86_64 machines, and it is aarch64/],
  ["too many processors", { cpu: 33 }, /at most 32 processors, not 33/],
  ["another boot order", { disks, bootOrder: ["data", "root"] }, /always starts from its first disk/],
  ["a copy of a snapshot", { copyOf: { vmId: "vm-2", snapshotId: "s" } }, /no snapshots of microVMs/],
];
test.each(impossible)("refuseImpossible() refuses %s", (_name, change, message) => {
  const refused = () => refuseImpossible({ ...spec, ...change });
  expect(refused).toThrow(message);
  expect(refused).toThrow(/^vm vm-1 can't be a microVM: /);
});

test("refuseImpossible() takes what can be", () => {
  refuseImpossible({ ...spec, disks, cpu: 32, bootOrder: ["root", "data"] });
});

const nic = { id: "eth0", portId: "port-1", macAddress: "fa:16:3e:00:00:01" };
const changes: readonly (readonly [string, Partial<MachineSpec>, boolean])[] = [
  ["nothing", {}, false],
  ["words for the first boot", { userData: "#!/bin/sh" }, false],
  ["processors", { cpu: 2 }, true],
  ["memory", { memoryMib: 64 }, true],
  ["another disk", { disks }, true],
  ["another interface", { nics: [nic] }, true],
];
test.each(changes)("needsRestart() of %s", (_name, change, expected) => {
  const running = { process: { pid: 1, startTime: "1" }, booted: true, spec, lost: [] };
  expect(needsRestart({ ...spec, ...change }, running)).toBe(expected);
});
