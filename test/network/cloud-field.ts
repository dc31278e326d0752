// A cloud over a private OVN, for packet tests of what tenants ask for: every kind, the engine and our driver, and guests in ports.
import { setTimeout as wait } from "node:timers/promises";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Port, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import {
  Direction,
  SecurityGroupRuleSchema,
  SecurityGroupSchema,
} from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { type Subnet, SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { type Vpc, VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { Drivers } from "../../server/src/backends/drivers.ts";
import { simulatedHypervisor } from "../../server/src/backends/hypervisor/simulated/index.ts";
import type { NetworkObjectId } from "../../server/src/backends/network/driver.ts";
import type { Guest } from "../../server/src/backends/network/ovn/testing/guest.ts";
import {
  type LabOptions,
  type NetworkLab,
  startNetworkLab,
} from "../../server/src/backends/network/ovn/testing/network-lab.ts";
import { type acme, openCloudOver, type SmallCloud } from "../../server/src/services/testing/small-cloud.ts";
import { revalidated } from "./revalidated.ts";

export type TenantIds = typeof acme;
export type Rules = Readonly<Record<string, MessageInitShape<typeof SecurityGroupRuleSchema>>>;

/** How long a change may take to reach the hosts. */
const atMostMs = 20_000;

/** A VPC with one subnet. */
export interface Net {
  readonly tenant: TenantIds;
  readonly vpc: Vpc;
  readonly subnet: Subnet;
}

/** A guest and the port that it is in. */
export interface Seat {
  readonly port: Port;
  readonly guest: Guest;
}

export class CloudField {
  readonly lab: NetworkLab;
  readonly cloud: SmallCloud<Drivers>;
  #made = 0;

  constructor(lab: NetworkLab, cloud: SmallCloud<Drivers>) {
    this.lab = lab;
    this.cloud = cloud;
  }

  name(): string {
    this.#made += 1;
    return `n${this.#made}`;
  }

  /** A VPC 10.n.0.0/16 and fd00:n::/48 with a subnet. */
  async net(tenant: TenantIds, n: number): Promise<Net> {
    const addresses = { cidr: `10.${n}.0.0/16`, ipv6Cidr: `fd00:${n}::/48` };
    const vpc = await this.cloud.make(VpcSchema, { ...tenant, name: this.name(), ...addresses });
    const subnet = await this.cloud.make(SubnetSchema, { ...tenant, name: this.name(), vpcId: vpc.id });
    return { tenant, vpc, subnet };
  }

  group(tenant: TenantIds, rules: Rules) {
    const messages = Object.entries(rules).map(
      ([name, rule]) => [name, create(SecurityGroupRuleSchema, rule)] as const,
    );
    return this.cloud.make(SecurityGroupSchema, { ...tenant, name: this.name(), rules: Object.fromEntries(messages) });
  }

  /** A group that lets everything in. */
  open(tenant: TenantIds) {
    return this.group(tenant, { all: { direction: Direction.INGRESS } });
  }

  /** A guest in a new port, with the port's addresses of both families; resolves when the cloud says that it is up. */
  async seat({ tenant, subnet }: Net, groups: readonly { readonly id: string }[], host = 0, more = {}): Promise<Seat> {
    const securityGroupIds = groups.map(({ id }) => id);
    const asked = { ...tenant, name: this.name(), subnetId: subnet.id, securityGroupIds, ...more };
    const port = await this.cloud.make(PortSchema, asked);
    const guest = await this.lab.plug({ host, portId: port.id, macAddress: port.macAddress });
    const addresses = [`${port.ipAddress}/24`, `${port.ipv6Address}/64`];
    await guest.configure({ addresses, gateways: [subnet.gateway ?? "", subnet.ipv6Gateway] });
    const up = await this.cloud.until(PortSchema, port.id, (one) => one.up, tenant);
    await this.programmed(subnet.vpcId);
    return { port: up, guest };
  }

  async programmed(...vpcIds: readonly string[]): Promise<void> {
    for (const vpcId of vpcIds) await this.lab.driver.programmed(vpcId, AbortSignal.timeout(atMostMs));
    await revalidated(this.lab.ovn);
  }

  /** Waits until the network holds all of these objects, or none. */
  async held(objects: readonly NetworkObjectId[], are: boolean): Promise<void> {
    const deadline = Date.now() + atMostMs;
    for (;;) {
      const there = await this.lab.driver.inventory();
      const has = ({ type, id }: NetworkObjectId) => there.some((one) => one.type === type && one.id === id);
      if (objects.every((object) => has(object) === are)) return;
      if (Date.now() > deadline) throw new Error(`${JSON.stringify(objects)}: not ${are ? "there" : "gone"}`);
      await wait(20);
    }
  }

  async stop(): Promise<void> {
    await this.cloud.stop();
    await this.lab.stop();
  }
}

/** Two hosts, unless asked otherwise. */
export async function startCloudField(options: LabOptions = {}): Promise<CloudField> {
  const lab = await startNetworkLab({ hosts: 2, ...options });
  const drivers = { network: lab.driver, hypervisor: simulatedHypervisor() };
  return new CloudField(lab, await openCloudOver<Drivers>({ drivers }));
}
