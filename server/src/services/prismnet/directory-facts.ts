// What a guest may know of itself: its port, and the machine that is plugged into it with all of its ports.
import { type Vm, VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { ElasticIpSchema } from "@photoncloud/proto/gen/prismnet/v1/elastic_ip_pb";
import { DeviceType, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { GuestFacts, GuestMachine, GuestPort } from "../../agent/directory.ts";
import type { Store } from "../../store/store.ts";
import { networksOf } from "./directory-reach.ts";
import { type Live, live, liveOnes, liveReferrers } from "./directory-reads.ts";

type LivePort = Live<typeof PortSchema>;

async function portFacts(store: Store, { key, id, message }: LivePort): Promise<GuestPort> {
  const { tenant } = key;
  const [subnet, groups, elasticIps] = await Promise.all([
    live(store, SubnetSchema, tenant, message.subnetId),
    liveOnes(store, SecurityGroupSchema, tenant, message.securityGroupIds.toSorted()),
    liveReferrers(store, ElasticIpSchema, key),
  ]);
  const vpc = subnet && (await live(store, VpcSchema, tenant, subnet.message.vpcId));
  return {
    id,
    name: message.name,
    macAddress: message.macAddress,
    ipAddress: message.ipAddress ?? "",
    ipv6Address: message.ipv6Address,
    publicAddress: elasticIps.find(({ message: { portId } }) => portId === id)?.message.address,
    securityGroups: groups.map((group) => ({ id: group.id, name: group.message.name })),
    subnetId: message.subnetId,
    subnetCidrs: subnet === undefined ? [] : networksOf(subnet.message),
    vpcId: vpc?.id ?? "",
    vpcCidrs: vpc === undefined ? [] : networksOf(vpc.message),
  };
}

/** Undefined: none of the cloud's own is plugged in. */
async function machineOf(store: Store, port: LivePort): Promise<Live<typeof VmSchema> | undefined> {
  const { deviceId, deviceType } = port.message;
  if (deviceType !== DeviceType.VM) return undefined;
  const vm = await live(store, VmSchema, port.key.tenant, deviceId);
  return vm && portIdsOf(vm.message).includes(port.id) ? vm : undefined;
}

export function portIdsOf({ spec }: Vm): readonly string[] {
  return (spec?.network ?? []).map(({ portId }) => portId);
}

async function machineFacts(
  store: Store,
  { key, id, createdAt, message }: Live<typeof VmSchema>,
): Promise<GuestMachine> {
  const ports = await liveOnes(store, PortSchema, key.tenant, portIdsOf(message));
  const own = ports.filter((port) => port.message.deviceId === id);
  const { imageId, cpu = 0, memory = 0, userData } = message.spec ?? {};
  return {
    id,
    name: message.name,
    imageId,
    cpu,
    memoryMib: memory,
    labels: message.labels,
    sshKeys: message.spec?.sshKeys ?? [],
    userData,
    createdAt,
    ports: await Promise.all(own.map((port) => portFacts(store, port))),
  };
}

export async function guestFacts(store: Store, port: LivePort): Promise<GuestFacts> {
  const { tenant } = port.key;
  const vm = await machineOf(store, port);
  const [facts, machine] = await Promise.all([portFacts(store, port), vm && machineFacts(store, vm)]);
  return { ...tenant, port: facts, machine };
}
