// What a resource is in the network: objects of the network driver, in the order in which they stand on each other. Told once, it is the
// kind's steps, and what the backend is compared with.
import type { DescMessage } from "@bufbuild/protobuf";
import type { Drivers } from "../backends/drivers.ts";
import type { NetworkObject } from "../backends/network/driver.ts";
import type { Reconciler, Step, StepContext } from "../engine/reconciler.ts";
import { driverStep } from "./driver-step.ts";

/** What an object is made of: the resource as it is now, and what it refers to. */
export type ObjectContext<Desc extends DescMessage> = Pick<
  StepContext<Desc, unknown>,
  "id" | "key" | "resource" | "related" | "exists"
>;

/** One object of a resource. */
export interface ObjectOf<Desc extends DescMessage> {
  readonly type: NetworkObject["type"];
  /** Undefined: the resource has no such object now; where there was one it goes. Its id is the resource's. */
  of(context: ObjectContext<Desc>): Promise<NetworkObject | undefined> | NetworkObject | undefined;
}

/** A kind's part in the network. */
export interface NetworkPart<Desc extends DescMessage> {
  readonly schema: Desc;
  readonly objects: readonly ObjectOf<Desc>[];
}

/** A step for each object, named for its type; `more` come after them. */
export function networkReconciler<Desc extends DescMessage>(
  part: NetworkPart<Desc>,
  more: Partial<Pick<Reconciler<Desc, Drivers>, "steps" | "doesNotWaitFor">> = {},
): Reconciler<Desc, Drivers> {
  return {
    schema: part.schema,
    backend: ({ network }) => network.name,
    light: true,
    steps: [...part.objects.map(stepOf), ...(more.steps ?? [])],
    ...(more.doesNotWaitFor && { doesNotWaitFor: more.doesNotWaitFor }),
  };
}

function stepOf<Desc extends DescMessage>({ type, of }: ObjectOf<Desc>): Step<Desc, Drivers> {
  return driverStep<Desc>({
    name: type,
    ensure: async (context) => {
      const { drivers, signal, id } = context;
      const object = await of(context);
      await (object === undefined
        ? drivers.network.remove({ type, id }, signal)
        : drivers.network.ensure(object, signal));
    },
    remove: ({ id, drivers, signal }) => drivers.network.remove({ type, id }, signal),
  });
}
