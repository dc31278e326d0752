import { beforeEach, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { isMap, type Value, type ValueMap } from "./cty/value.ts";
import { Deadline } from "./deadline.ts";
import { dimensionsAt, type Need, Room } from "./room.ts";
import { resourceSchema } from "./schema.ts";

const kind = catalog().byNoun("vm");
if (kind === undefined) throw new Error("there are no machines");
const vm = kind;
const { attributes } = resourceSchema(vm);
const spec = attributes.find(({ name }) => name === "spec");
const specs = spec?.shape.kind === "object" ? spec.shape.attributes : [];
const disks = specs.find(({ name }) => name === "disks");

/** A machine in acme/web. */
function machine(cpu: number, sizes: readonly number[]): ValueMap {
  const list: readonly Value[] = sizes.map((size) => new Map<string, Value>([["size_gib", size]]));
  const size = new Map<string, Value>([
    ["cpu", cpu],
    ["disks", list],
  ]);
  const at: readonly (readonly [string, Value])[] = [
    ["org_id", "acme"],
    ["project_id", "web"],
    ["spec", size],
  ];
  return new Map(at);
}

const [web, acme] = ["org/acme/project/web", "org/acme"];
const need = (dimension: string, scope = web): readonly Need[] => [{ scope, dimension }];
const soon = () => new Deadline(60_000);

let room: Room;
beforeEach(() => {
  room = new Room(50);
});
/** Asks as a handler does: it is under way itself. */
const verdict = (needs: readonly Need[], deadline = soon()) => room.during(() => room.verdict(needs, deadline));

test("dimensionsAt() names what is added up at a field, and the kind itself", () => {
  expect(disks && isMap(machine(1, [1]).get("spec") ?? null)).toBe(true);
  const at = (path: string) => dimensionsAt(vm, attributes, path);
  expect([at(""), at("spec.cpu"), at("spec.disks"), at("name")]).toEqual([["vms"], ["vcpus"], ["disk_gib"], []]);
});

describe("in a plan", () => {
  test("a removal frees all that it took, in its project and its org alone", async () => {
    room.frees(vm, attributes, machine(2, [3, 4]));
    for (const scope of [web, acme])
      for (const dimension of ["vms", "vcpus", "disk_gib"])
        expect(await verdict(need(dimension, scope))).toBe("planned");
    expect(await verdict(need("vms", "org/acme/project/other"))).toBe("none");
    expect(await verdict(need("vpcs"))).toBe("none");
  });

  test("a change frees what shrinks", async () => {
    room.frees(vm, attributes, machine(2, [3, 4]), machine(2, [3, 3]));
    expect(await verdict(need("disk_gib"))).toBe("planned");
    expect([await verdict(need("vcpus")), await verdict(need("vms"))]).toEqual(["none", "none"]);
  });

  test("a removal that is planned later counts, as long as something is under way", async () => {
    let end = () => {};
    const busy = room.during(() => new Promise<void>((resolve) => (end = resolve)));
    const told = verdict(need("vms"));
    room.frees(vm, attributes, machine(1, [1]));
    expect(await told).toBe("planned");
    end();
    await busy;
  });

  test("of those who need the same the last is told, and who needs something else, too", async () => {
    const asked = [need("vms"), need("vms"), need("vcpus"), [...need("vms"), ...need("vcpus")]].map((one) =>
      verdict(one),
    );
    expect(await Promise.all(asked)).toEqual(["another", "another", "another", "none"]);
  });

  test("where time runs out before it is known, nothing is refused", async () => {
    let end = () => {};
    const busy = room.during(() => new Promise<void>((resolve) => (end = resolve)));
    expect(await verdict(need("vms"), new Deadline(30))).toBe("planned");
    end();
    await busy;
  });
});

describe("in an apply", () => {
  const comes = (seen: number) => room.during(() => room.comes(seen, soon()));

  test("what has gone meanwhile is room, and what goes while something is under way", async () => {
    room.freed();
    expect(await comes(0)).toBe(true);
    const waiting = comes(1);
    await room.during(async () => room.freed());
    expect(await waiting).toBe(true);
  });

  test("where nothing goes they give up one by one, so that what waits for its turn gets it", async () => {
    const order: string[] = [];
    const first = comes(0).then((came) => {
      order.push(`first ${came}`);
      // Terraform goes on to what makes room.
      return room.during(async () => room.freed());
    });
    const second = comes(0).then((came) => order.push(`second ${came}`));
    await Promise.all([first, second]);
    expect(order).toEqual(["first false", "second true"]);
  });
});
