// A backend as small as can be, for the engine's own tests: things by type and id, each made once, with a toy reconciler per kind.
import type { DescMessage } from "@bufbuild/protobuf";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { EngineKind } from "../kind.ts";
import type { Reconciler } from "../reconciler.ts";

/** Holds things. Making one that is there, and removing one that is not, changes nothing. */
export interface Things {
  readonly name: string;
  ensure(type: string, id: string, value: string, signal: AbortSignal): Promise<void>;
  remove(type: string, id: string, signal: AbortSignal): Promise<void>;
}

export class ToyThings implements Things {
  readonly name = "toy";
  readonly held = new Map<string, string>();
  /** Every change, in order: what was made twice stands here twice. */
  readonly changes: string[] = [];

  async ensure(type: string, id: string, value: string): Promise<void> {
    if (this.held.get(`${type} ${id}`) === value) return;
    this.held.set(`${type} ${id}`, value);
    this.changes.push(`ensure ${type} ${id}`);
  }

  async remove(type: string, id: string): Promise<void> {
    if (this.held.delete(`${type} ${id}`)) this.changes.push(`remove ${type} ${id}`);
  }
}

export interface ToyDrivers {
  readonly things: Things;
}

/** A VPC is a router and its table: two steps. */
export const toyVpc: Reconciler<typeof VpcSchema, ToyDrivers> = {
  schema: VpcSchema,
  backend: (drivers) => drivers.things.name,
  steps: [
    {
      name: "router",
      ensure: (c) => c.drivers.things.ensure("router", c.id, c.resource.cidr, c.signal),
      remove: (c) => c.drivers.things.remove("router", c.id, c.signal),
    },
    {
      name: "table",
      ensure: (c) => c.drivers.things.ensure("table", c.id, c.resource.cidr, c.signal),
      remove: (c) => c.drivers.things.remove("table", c.id, c.signal),
    },
  ],
};

/** A subnet is a switch in its VPC's router. */
export const toySubnet: Reconciler<typeof SubnetSchema, ToyDrivers> = {
  schema: SubnetSchema,
  backend: (drivers) => drivers.things.name,
  steps: [
    {
      name: "switch",
      async ensure(c) {
        const vpc = await c.related(VpcSchema, c.resource.vpcId);
        await c.drivers.things.ensure("switch", c.id, `${c.resource.cidr} in ${vpc?.cidr}`, c.signal);
      },
      remove: (c) => c.drivers.things.remove("switch", c.id, c.signal),
    },
  ],
};

/** A kind for the engine from a reconciler of any schema. */
export function kindOf<Desc extends DescMessage>(reconciler: Reconciler<Desc, ToyDrivers>): EngineKind<ToyDrivers> {
  return { schema: reconciler.schema, reconciler };
}
