import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { choose, type GroupWish, type HostView, judge, type Wish } from "./choose.ts";

const racks = ["r1", "r2", "r3"];
const size = fc.record({
  cpu: fc.integer({ min: 1, max: 8 }),
  memoryMib: fc.integer({ min: 64, max: 4096 }),
  diskGib: fc.integer({ min: 1, max: 50 }),
});
const host = fc.record({
  rack: fc.constantFrom(...racks, undefined),
  capacity: size.map(({ cpu, memoryMib, diskGib }) => ({
    cpu: cpu * 4,
    memoryMib: memoryMib * 4,
    diskGib: diskGib * 4,
  })),
  promised: size,
  isClosed: fc.boolean(),
  isArm: fc.boolean(),
});
const hosts = fc.array(host, { maxLength: 6 }).map((found) =>
  found.map(
    ({ rack, capacity, promised, isClosed, isArm }, i): HostView => ({
      id: `host-${i}`,
      capacity,
      promised,
      driver: "qemu",
      cantRun: {},
      images: new Set(),
      leftovers: new Set(),
      accelerator: "",
      labels: rack === undefined ? {} : { rack },
      architecture: isArm ? "aarch64" : "x86_64",
      ...(isClosed ? { closed: { reason: "draining", message: "it is being drained" } as const } : {}),
    }),
  ),
);
const group = fc.record({
  policy: fc.constantFrom("affinity" as const, "anti_affinity" as const),
  required: fc.boolean(),
  over: fc.constantFrom("host", "rack"),
  members: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 4 }),
});
const groups = fc.array(group, { maxLength: 2 }).map((found) =>
  found.map(
    ({ members, ...rest }, i): GroupWish => ({
      id: `group-${i}`,
      ...rest,
      others: members.map((at, k) => ({ vmId: `vm-${k}`, hostId: `host-${at}` })),
    }),
  ),
);
const wish = fc.record({ size, groups, rack: fc.constantFrom(...racks, undefined) }).map(
  ({ size: needed, groups: among, rack }): Wish => ({
    vmId: "vm",
    size: needed,
    architecture: "x86_64",
    machine: "standard",
    groups: among,
    hostLabels: rack === undefined ? {} : { rack },
  }),
);

const placeOf = (all: readonly HostView[], id: string, over: string) => {
  const label = over === "host" ? undefined : all.find((one) => one.id === id)?.labels[over];
  return label ?? `host ${id}`;
};

test("the chosen host breaks no condition, and has room", () => {
  fc.assert(
    fc.property(hosts, wish, (all, wanted) => {
      const chosen = all.find(({ id }) => id === choose(all, wanted));
      if (chosen === undefined) return;
      expect(chosen.closed).toBeUndefined();
      expect(chosen.architecture).toBe("x86_64");
      expect(chosen.labels).toMatchObject(wanted.hostLabels);
      for (const part of ["cpu", "memoryMib", "diskGib"] as const)
        expect(chosen.promised[part] + wanted.size[part]).toBeLessThanOrEqual(chosen.capacity[part]);
      for (const { required, policy, over, others } of wanted.groups.filter(
        (one) => one.required && one.others.length > 0,
      )) {
        const here = placeOf(all, chosen.id, over);
        const near = others.some(({ hostId }) => placeOf(all, hostId, over) === here);
        expect({ required, near }).toEqual({ required, near: policy === "affinity" });
      }
    }),
  );
});

test("none is chosen exactly where each says why, and of those that fit none has more points", () => {
  fc.assert(
    fc.property(hosts, wish, (all, wanted) => {
      const verdicts = judge(all, wanted);
      const chosen = choose(all, wanted);
      const fitting = verdicts.filter(({ obstacles }) => obstacles.length === 0);
      expect(chosen === undefined).toBe(fitting.length === 0);
      const best = Math.max(...fitting.map(({ score }) => score));
      if (chosen !== undefined) expect(verdicts.find(({ hostId }) => hostId === chosen)?.score).toBe(best);
      for (const { score } of fitting) expect(score >= 0 && score <= 1).toBe(true);
    }),
  );
});

test("the order in which hosts are told of does not matter", () => {
  fc.assert(
    fc.property(hosts, wish, (all, wanted) => {
      expect(choose(all.toReversed(), wanted)).toBe(choose(all, wanted));
    }),
  );
});

test("of a host that was never heard of nobody says what room it lacks", () => {
  const nothing = { cpu: 0, memoryMib: 0, diskGib: 0 };
  const closed = { reason: "unreachable", message: "its agent does not answer" } as const;
  const wanted: Wish = {
    vmId: "vm",
    architecture: "x86_64",
    machine: "standard",
    hostLabels: {},
    groups: [],
    size: { cpu: 1, memoryMib: 100, diskGib: 1 },
  };
  const host = (more: Partial<HostView>): HostView => ({
    id: "a",
    labels: {},
    architecture: "",
    cantRun: {},
    driver: "",
    accelerator: "",
    capacity: nothing,
    promised: nothing,
    images: new Set(),
    leftovers: new Set(),
    ...more,
  });
  const reasons = (one: HostView) => judge([one], wanted)[0]?.obstacles.map(({ reason }) => reason);
  expect(reasons(host({ closed }))).toEqual(["unreachable"]);
  expect(reasons(host({}))).toEqual(["memory", "disk", "cpu"]);
  expect(reasons(host({ closed, capacity: { ...nothing, cpu: 4 } }))).toEqual(["unreachable", "memory", "disk"]);
});

test("a wish of a group counts for more than balance, balance for more than an image that is there", () => {
  const plain = { capacity: { cpu: 99, memoryMib: 1000, diskGib: 99 }, promised: { cpu: 0, memoryMib: 0, diskGib: 0 } };
  const one = (id: string, more: Partial<HostView> = {}): HostView => ({
    ...plain,
    id,
    labels: {},
    architecture: "",
    cantRun: {},
    driver: "qemu",
    accelerator: "",
    images: new Set(),
    leftovers: new Set(),
    ...more,
  });
  const wanted: Wish = {
    vmId: "vm",
    architecture: "x86_64",
    machine: "standard",
    hostLabels: {},
    groups: [],
    imageId: "tiny",
    size: { cpu: 1, memoryMib: 100, diskGib: 1 },
  };
  const full = { promised: { cpu: 0, memoryMib: 800, diskGib: 0 } };
  expect(choose([one("a"), one("b", { images: new Set(["tiny"]) })], wanted)).toBe("b");
  expect(choose([one("a"), one("b", { ...full, images: new Set(["tiny"]) })], wanted)).toBe("a");
  const near: GroupWish = {
    id: "g",
    policy: "affinity",
    required: false,
    over: "host",
    others: [{ vmId: "other", hostId: "b" }],
  };
  expect(choose([one("a"), one("b", full)], { ...wanted, groups: [near] })).toBe("b");
});
