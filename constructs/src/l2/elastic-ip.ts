// Public addresses: `new ElasticIp(this, "public", { of: web })`.
import { Construct } from "constructs";
import { TfElasticIp, type TfExternalNetwork, type TfPort } from "../l1/gen/index.ts";
import { nameOf } from "./names.ts";
import { Vm } from "./vm.ts";

export interface ElasticIpProps {
  /** The machine (or port) that it leads to, in a VPC with an external network. It may change; open connections end then. @default - it leads nowhere, and is kept */
  readonly of?: Vm | TfPort;
  /** An address that is free. A change forces replacement. @default - the next free one */
  readonly address?: string;
  /** The network that the address is of: its id, or one of this program. A change forces replacement. @default - that of the machine's VPC, else the cloud's only one */
  readonly externalNetwork?: string | TfExternalNetwork;
  /** @default - from the construct's path */
  readonly name?: string;
  /** @default - none */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A public address that stays while it moves from machine to machine. */
export class ElasticIp extends Construct {
  readonly resource: TfElasticIp;

  constructor(scope: Construct, id: string, props: ElasticIpProps = {}) {
    super(scope, id);
    const { of, externalNetwork, name, ...rest } = props;
    this.resource = new TfElasticIp(this, "Resource", {
      ...rest,
      name: name ?? nameOf(this),
      ...(of === undefined ? {} : { portId: of instanceof Vm ? of.port.id : of.id }),
      ...(externalNetwork === undefined ? {} : { externalNetworkId: idOf(externalNetwork) }),
    });
  }

  /** Its id, known when it is deployed. */
  get elasticIpId(): string {
    return this.resource.id;
  }

  /** The address, known when it is deployed. */
  get address(): string {
    return this.resource.address;
  }
}

/** The id of an external network that is named by it or made in this program. */
export function idOf(externalNetwork: string | TfExternalNetwork): string {
  return typeof externalNetwork === "string" ? externalNetwork : externalNetwork.id;
}
