import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { Cgroups } from "./cgroups.ts";

const size = { cpu: 2, memoryMib: 512, disks: [{ id: "root", sizeGib: 1 }] };
const fresh = () => mkdtempSync(join(tmpdir(), "pg-"));
const bytes = String((512 + 384 + 32) * 1024 ** 2);

test("a machine has memory, threads and a weight in version 2's one group", () => {
  const root = fresh();
  writeFileSync(join(root, "cgroup.controllers"), "cpuset cpu io memory pids\n");
  const groups = Cgroups.open(root);
  expect(groups.make("vm", size)).toEqual([join(root, "photon/vm/cgroup.procs")]);
  const set = (file: string) => readFileSync(join(root, "photon/vm", file), "utf8");
  expect([set("memory.max"), set("pids.max"), set("cpu.weight")]).toEqual([bytes, "258", "200"]);
  expect(readFileSync(join(root, "photon/cgroup.subtree_control"), "utf8")).toBe("+memory +pids +cpu");
  expect(readFileSync(join(root, "photon/cpu.weight"), "utf8")).toBe(String(100 * availableParallelism()));
  groups.limit("vm", { ...size, memoryMib: 1024, cpu: 1000 });
  expect(Number(set("memory.max"))).toBe(Number(bytes) + 512 * 1024 ** 2);
  expect(set("cpu.weight")).toBe("10000");
});

test("a machine is in each of version 1's groups that there are", () => {
  const root = fresh();
  for (const controller of ["memory", "cpu"]) mkdirSync(join(root, controller));
  const groups = Cgroups.open(root);
  expect(groups.make("vm", size)).toEqual([join(root, "memory/photon/vm/tasks"), join(root, "cpu/photon/vm/tasks")]);
  expect(readFileSync(join(root, "memory/photon/vm/memory.limit_in_bytes"), "utf8")).toBe(bytes);
  expect(readFileSync(join(root, "cpu/photon/cpu.shares"), "utf8")).toBe(String(1024 * availableParallelism()));
});

test("a host without groups is no error", async () => {
  const groups = Cgroups.open(join(fresh(), "nowhere"));
  expect(groups.make("vm", size)).toEqual([]);
  groups.limit("vm", size);
  await groups.remove("vm");
});

test("a group is removed, and again", async () => {
  const root = fresh();
  mkdirSync(join(root, "pids"));
  // The system's own files in a group don't hinder its removal; here it has none.
  mkdirSync(join(root, "pids/photon/vm"), { recursive: true });
  const groups = Cgroups.open(root);
  await groups.remove("vm");
  await groups.remove("vm");
  expect(existsSync(join(root, "pids/photon/vm"))).toBe(false);
  rmdirSync(join(root, "pids/photon"));
});
