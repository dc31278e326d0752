// What is kept in memory of scopes: those that are there, and none that somebody made up.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type Counted, countReads } from "../../../store/testing/counted.ts";
import { bob, may } from "../testing/databases.ts";
import { openWorld, type World } from "../testing/world.ts";

let world: World;
let counted: Counted;
beforeAll(async () => {
  // Without following the log: nothing else reads meanwhile.
  world = await openWorld({ start: false });
  await world.bind("user:acme/bob", "ProjectViewer", { orgId: "acme" });
  counted = countReads(world.store);
});
afterAll(async () => {
  counted.restore();
  await world.close();
});

const listsOf = async (project: string) => {
  const reads = await counted.of(() =>
    may(world, bob, "compute:vms:get", { org: "acme", project, type: "vm", id: "vm-1" }),
  );
  return reads.filter((read) => read.startsWith("list ")).length;
};

test("a project that is there is read once, though nothing is given in it; one that is not, each time", async () => {
  await listsOf("beta");
  await listsOf("never");
  for (let times = 0; times < 2; times += 1) {
    expect(await listsOf("beta")).toBe(0);
    expect(await listsOf("never")).toBe(3);
  }
});

test("a project is known as soon as it is made, also where it was asked about before", async () => {
  const vm = { org: "acme", project: "gamma", type: "vm", id: "vm-1" };
  expect(await may(world, bob, "compute:vms:stop", vm)).toBe(false);
  await world.create("user:system/admin", "project", { orgId: "acme", id: "gamma" });
  await world.bind("user:acme/bob", "ProjectMember", { orgId: "acme", projectId: "gamma" });
  expect(await may(world, bob, "compute:vms:stop", vm)).toBe(true);
});
