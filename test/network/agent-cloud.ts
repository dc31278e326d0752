// A cloud for tests of what the hosts' agents do: the server's kinds over a private OVN of two hosts, an agent on each host that answers from the
// server's store, and guests in ports.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { type Port, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { Direction, SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { type Subnet, SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { type NetworkAgent, startNetworkAgent } from "../../server/src/agent/network-agent.ts";
import type { Drivers } from "../../server/src/backends/drivers.ts";
import { simulatedHypervisor } from "../../server/src/backends/hypervisor/simulated/index.ts";
import type { Guest } from "../../server/src/backends/network/ovn/testing/guest.ts";
import { type NetworkLab, startNetworkLab } from "../../server/src/backends/network/ovn/testing/network-lab.ts";
import { createDirectory } from "../../server/src/services/prismnet/directory.ts";
import { acme, openCloudOver, type SmallCloud } from "../../server/src/services/testing/small-cloud.ts";

type TenantIds = typeof acme;

/** What of the agents' log is worth seeing when a test fails. */
const log = {
  debug() {},
  info() {},
  warn: (fields: object, message: string) => console.warn(message, fields),
  error: (fields: object, message: string) => console.error(message, fields),
};

let made = 0;
const aName = () => `n${++made}`;

type Rules = NonNullable<MessageInitShape<typeof SecurityGroupSchema>["rules"]>;

/** Lets everything in. */
export const openRules: Rules = {
  v4: { direction: Direction.INGRESS, remote: { case: "remoteCidr", value: "0.0.0.0/0" } },
  v6: { direction: Direction.INGRESS, remote: { case: "remoteCidr", value: "::/0" } },
};

export class AgentCloud {
  readonly lab: NetworkLab;
  readonly cloud: SmallCloud<Drivers>;
  readonly #upstreamDns: readonly string[];
  readonly #agents: NetworkAgent[] = [];

  constructor(lab: NetworkLab, cloud: SmallCloud<Drivers>, upstreamDns: readonly string[]) {
    this.lab = lab;
    this.cloud = cloud;
    this.#upstreamDns = upstreamDns;
  }

  /** Starts the agents, as at the start of a server. */
  async startAgents(): Promise<void> {
    const directory = createDirectory({ store: this.cloud.store });
    const { hosts, southbound } = this.lab.ovn;
    for (const host of hosts)
      this.#agents.push(await startNetworkAgent({ host, southbound, directory, log, upstreamDns: this.#upstreamDns }));
  }

  async stopAgents(): Promise<void> {
    await Promise.all(this.#agents.splice(0).map((agent) => agent.stop()));
  }

  /** A VPC with both families and a subnet in it. */
  async network(tenant: TenantIds = acme) {
    const values = { cidr: "10.0.0.0/16", ipv6Cidr: "fd00:10::/48" };
    const vpc = await this.cloud.make(VpcSchema, { ...tenant, name: aName(), ...values });
    return { vpc, subnet: await this.subnet(vpc.id, tenant) };
  }

  subnet(vpcId: string, tenant: TenantIds = acme): Promise<Subnet> {
    return this.cloud.make(SubnetSchema, { ...tenant, name: aName(), vpcId });
  }

  group(rules: Rules, tenant: TenantIds = acme) {
    return this.cloud.make(SecurityGroupSchema, { ...tenant, name: aName(), rules });
  }

  port(
    { id: subnetId, orgId, projectId }: Subnet,
    values: { readonly name?: string; readonly securityGroupIds?: string[]; readonly forwarding?: boolean } = {},
  ): Promise<Port> {
    return this.cloud.make(PortSchema, { orgId, projectId, name: aName(), subnetId, ...values });
  }

  /** A guest in a port that has what DHCP told it. */
  async guest({ id: portId, macAddress, orgId, projectId }: Port, host = 0): Promise<Guest> {
    const guest = await this.lab.plug({ host, portId, macAddress });
    await this.cloud.until(PortSchema, portId, ({ up, status }) => up && status?.state === State.READY, {
      orgId,
      projectId,
    });
    await guest.dhcp();
    return guest;
  }

  async stop(): Promise<void> {
    await this.stopAgents();
    await this.cloud.stop();
    await this.lab.stop();
  }
}

/** @param upstreamDns What the agents ask for other names; default nobody. */
export async function startAgentCloud(upstreamDns: readonly string[] = []): Promise<AgentCloud> {
  const lab = await startNetworkLab({ hosts: 2 });
  const drivers: Drivers = { network: lab.driver, hypervisor: simulatedHypervisor() };
  const agentCloud = new AgentCloud(lab, await openCloudOver({ drivers }), upstreamDns);
  await agentCloud.startAgents();
  return agentCloud;
}
