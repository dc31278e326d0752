// Where a VPC sends what none of its subnets has: `vpc.addRoute("office", { to: "192.168.0.0/16", through: router })`.
import { Construct } from "constructs";
import { type TfPort, TfRoute, type TfRouteProps } from "../l1/gen/index.ts";
import { nameOf } from "./names.ts";
import { Vm } from "./vm.ts";
import type { Vpc } from "./vpc.ts";

export interface RouteProps {
  /** Whose packets it steers. */
  readonly vpc: Vpc;
  /** The network that they go to, of either family; of several routes the most specific one counts. A change forces replacement. */
  readonly to: string;
  /** A machine that forwards (or its port), the VPC's way to the external network, or nowhere. */
  readonly through: Vm | TfPort | "external-network" | "nowhere";
  /** @default - from the construct's path */
  readonly name?: string;
}

/** A static route of a VPC. */
export class Route extends Construct {
  readonly resource: TfRoute;

  /** @throws Error for a machine that does not forward. */
  constructor(scope: Construct, id: string, { vpc, to, through, name }: RouteProps) {
    super(scope, id);
    this.resource = new TfRoute(this, "Resource", {
      name: name ?? nameOf(this),
      vpcId: vpc.vpcId,
      destination: to,
      ...this.#target(through),
    });
  }

  /** Its id, known when it is deployed. */
  get routeId(): string {
    return this.resource.id;
  }

  #target(through: RouteProps["through"]): Pick<TfRouteProps, "targetPortId" | "elasticGateway" | "drop"> {
    if (through === "external-network") return { elasticGateway: {} };
    if (through === "nowhere") return { drop: {} };
    if (!(through instanceof Vm)) return { targetPortId: through.id };
    if (!through.forwards)
      throw new Error(`${this.node.path}: ${through.node.path} does not forward packets; give it forwarding: true`);
    return { targetPortId: through.port.id };
  }
}
