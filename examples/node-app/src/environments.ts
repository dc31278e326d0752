// What the service does: one environment is a VPC with a subnet, a port and a machine, all called the same.
import type { PhotonCloud, Vm } from "@photoncloud/sdk";

/** What the service's own users see. */
export interface Environment {
  readonly name: string;
  /** The machine's address inside its network. */
  readonly address: string;
  /** "running", "stopped", … */
  readonly state: string;
  readonly createdAt: string;
}

export interface EnvironmentRequest {
  readonly name: string;
  /** Default 1. */
  readonly cpu?: number;
}

/** Tells our machines from others of the same project. */
const labels = { "managed-by": "environments" };
const cidr = "10.0.0.0/24";

interface Named {
  readonly id: string;
}

/** A kind's client, as far as removing needs it. */
interface Remover {
  list(options: { filter: { name: string } }): { all(): Promise<Named[]> };
  delete(id: string): Promise<unknown>;
  waitUntilGone(id: string): Promise<void>;
}

/** A kind's client, as far as making needs it. */
interface Creator<T extends Named, Input> {
  create(input: Input): Promise<T>;
  list(options: { filter: { name: string } }): { all(): Promise<T[]> };
}

export class Environments {
  readonly #cloud: PhotonCloud;

  constructor(cloud: PhotonCloud) {
    this.#cloud = cloud;
  }

  /** Makes what is not there yet, so that a request that failed half-way may simply be sent again. */
  async create({ name, cpu = 1 }: EnvironmentRequest): Promise<Environment> {
    const vpc = await ensure(this.#cloud.vpcs, { name, cidr, labels });
    const subnet = await ensure(this.#cloud.subnets, { name, vpcId: vpc.id, cidr, labels });
    const port = await ensure(this.#cloud.ports, { name, subnetId: subnet.id, labels });
    const network = [{ id: "eth0", portId: port.id }];
    const vm = await ensure(this.#cloud.vms, { name, labels, spec: { cpu, network } });
    return this.#shown(await this.#cloud.vms.waitUntilReady(vm.id));
  }

  async list(): Promise<Environment[]> {
    const found: Environment[] = [];
    for await (const vm of this.#cloud.vms.list())
      if (vm.labels["managed-by"] === labels["managed-by"]) found.push(await this.#shown(vm));
    return found;
  }

  /** Undefined where there is none of that name. */
  async get(name: string): Promise<Environment | undefined> {
    const [vm] = await this.#cloud.vms.list({ filter: { name } }).all();
    return vm === undefined ? undefined : this.#shown(vm);
  }

  /** Removes what is there, the machine first, since the others can't go while something refers to them. */
  async delete(name: string): Promise<void> {
    const { vms, ports, subnets, vpcs } = this.#cloud;
    const clients: readonly Remover[] = [vms, ports, subnets, vpcs];
    for (const client of clients)
      for (const { id } of await client.list({ filter: { name } }).all()) {
        await client.delete(id);
        await client.waitUntilGone(id);
      }
  }

  async #shown(vm: Vm): Promise<Environment> {
    const portId = vm.spec.network[0]?.portId;
    const [port] = portId === undefined ? [] : await this.#cloud.ports.batchGet([portId]);
    return { name: vm.name, address: port?.ipAddress ?? "", state: vm.state, createdAt: vm.createTime.toISOString() };
  }
}

/** Finds the resource of that name, or creates it. Names are unique in a project, so two of us at once make one. */
async function ensure<T extends Named, Input extends { readonly name: string }>(
  client: Creator<T, Input>,
  input: Input,
): Promise<T> {
  const [found] = await client.list({ filter: { name: input.name } }).all();
  return found ?? client.create(input);
}
