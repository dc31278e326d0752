// The harness on a good reconciler, and proof that it notices bad ones: each law has a reconciler that breaks it.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { Step } from "../reconciler.ts";
import { type FiveLaws, fiveLaws, laws } from "./five-laws.ts";
import { type ToyDrivers, ToyThings, toySubnet, toyVpc } from "./toy-backend.ts";

type Drivers = { readonly things: ToyThings };
type VpcStep = Step<typeof VpcSchema, ToyDrivers>;

const vpc: FiveLaws<typeof VpcSchema, Drivers> = {
  name: "Vpc",
  reconciler: toyVpc,
  makeResource: () => create(VpcSchema, { id: "vpc-1", cidr: "10.0.0.0/16" }),
  drivers: () => ({ things: new ToyThings() }),
  snapshot: ({ things }) => new Map([...things.held].sort()),
};

fiveLaws(vpc);

fiveLaws<typeof SubnetSchema, Drivers>({
  name: "Subnet",
  reconciler: toySubnet,
  makeResource: () => create(SubnetSchema, { id: "subnet-1", vpcId: "vpc-1", cidr: "10.0.1.0/24" }),
  related: () => [{ schema: VpcSchema, id: "vpc-1", message: create(VpcSchema, { cidr: "10.0.0.0/16" }) }],
  drivers: () => ({ things: new ToyThings() }),
  prepare: ({ things }) => things.ensure("router", "vpc-1", "10.0.0.0/16"),
  snapshot: ({ things }) => new Map([...things.held].sort()),
});

let draws = 0;
const spoilt: readonly { readonly law: keyof typeof laws; readonly what: string; readonly step: VpcStep }[] = [
  {
    law: "each step run twice changes nothing",
    what: "makes a new thing each time",
    step: {
      name: "spoilt",
      ensure: (c) => c.drivers.things.ensure("router", c.id, String(++draws), c.signal),
      remove: (c) => c.drivers.things.remove("router", c.id, c.signal),
    },
  },
  {
    law: "a failure at any call leaves a clean slate after delete",
    what: "forgets a thing in its removal",
    step: {
      name: "spoilt",
      async ensure(c) {
        await c.drivers.things.ensure("router", c.id, "", c.signal);
        await c.drivers.things.ensure("leak", c.id, "", c.signal);
      },
      remove: (c) => c.drivers.things.remove("router", c.id, c.signal),
    },
  },
  {
    law: "remove twice succeeds, and removes what never was",
    what: "fails where there is nothing to remove",
    step: {
      name: "spoilt",
      ensure: (c) => c.drivers.things.ensure("router", c.id, "", c.signal),
      async remove(c) {
        if (!(c.drivers.things as ToyThings).held.has(`router ${c.id}`)) throw new Error("no such router");
        await c.drivers.things.remove("router", c.id, c.signal);
      },
    },
  },
  {
    law: "a crash after any call resumes",
    what: "takes its first half's result for the whole",
    step: {
      name: "spoilt",
      async ensure(c) {
        if ((c.drivers.things as ToyThings).held.has(`router ${c.id}`)) return;
        await c.drivers.things.ensure("router", c.id, "", c.signal);
        await c.drivers.things.ensure("table", c.id, "", c.signal);
      },
      async remove(c) {
        await c.drivers.things.remove("router", c.id, c.signal);
        await c.drivers.things.remove("table", c.id, c.signal);
      },
    },
  },
  {
    law: "two workers converge",
    what: "checks, waits, then makes another one",
    step: {
      name: "spoilt",
      async ensure(c) {
        const { held } = c.drivers.things as ToyThings;
        if ([...held.keys()].some((name) => name.startsWith("router"))) return;
        await c.drivers.things.ensure("router", String(++draws), "", c.signal);
      },
      async remove(c) {
        for (const name of (c.drivers.things as ToyThings).held.keys())
          await c.drivers.things.remove("router", name.slice("router ".length), c.signal);
      },
    },
  },
];

describe("the harness notices a reconciler that", () => {
  test.each(spoilt)("$what", async ({ law, step }) => {
    await expect(laws[law]({ ...vpc, reconciler: { ...toyVpc, steps: [step] } })).rejects.toThrow();
  });
});
