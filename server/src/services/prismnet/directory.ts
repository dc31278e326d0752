// What the hosts' agents tell guests of the cloud, read from the store at each question: a few look-ups by key, so that what is new is known at
// once and what is gone is forgotten at once. Whose guest asks comes with the question, from the network's own marks.
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import type { Caller, Directory, GuestName, Place } from "../../agent/directory.ts";
import { type Clock, systemClock } from "../../clock.ts";
import { formatIp, includes, parseIp, parseNetwork } from "../../ip.ts";
import type { Store, Tenant } from "../../store/store.ts";
import { guestFacts, portIdsOf } from "./directory-facts.ts";
import { type ReachedVpc, Reaches } from "./directory-reach.ts";
import { type Live, live, liveByName, liveOnes } from "./directory-reads.ts";
import { addressesOf, ipv6AddressesOf, macsOf } from "./port/addresses.ts";

type LivePort = Live<typeof PortSchema>;

const tenantOf = ({ org, project }: Place | GuestName): Tenant => ({ org, project });
const sameTenant = (a: Tenant, b: Tenant) => a.org === b.org && a.project === b.project;

function holds(networks: readonly string[], address: string): boolean {
  const ip = parseIp(address);
  return networks.some((text) => {
    const network = parseNetwork(text);
    return ip !== undefined && network !== undefined && includes(network, ip);
  });
}

/** The port that has an address in a subnet, or a MAC in a VPC; of no other tenant's than the one that is asked about. */
async function portBy(store: Store, tenant: Tenant, space: string, key: string): Promise<LivePort | undefined> {
  const holder = await store.holder(space, key);
  if (holder === undefined || holder.kind !== PortSchema.typeName || !sameTenant(holder.tenant, tenant))
    return undefined;
  return live(store, PortSchema, tenant, holder.id);
}

function portAt(store: Store, tenant: Tenant, subnetId: string, address: string): Promise<LivePort | undefined> {
  const ip = parseIp(address);
  if (ip === undefined) return Promise.resolve(undefined);
  const space = ip.family === 4 ? addressesOf(subnetId) : ipv6AddressesOf(subnetId);
  return portBy(store, tenant, space, formatIp(ip));
}

async function caller(store: Store, place: Place, who: Caller): Promise<LivePort | undefined> {
  const tenant = tenantOf(place);
  if ("address" in who) return portAt(store, tenant, place.subnetId, who.address);
  const port = await portBy(store, tenant, macsOf(place.vpcId), who.macAddress);
  return port?.message.subnetId === place.subnetId ? port : undefined;
}

function addressesIn(ports: readonly LivePort[], reach: readonly ReachedVpc[]): readonly string[] {
  const subnets = new Set(reach.flatMap((vpc) => vpc.subnets.map(({ id }) => id)));
  return ports
    .filter(({ message }) => subnets.has(message.subnetId))
    .flatMap(({ message: { ipAddress, ipv6Address } }) => [ipAddress, ipv6Address])
    .filter((address): address is string => address !== undefined && address !== "");
}

/** The addresses of the VM of a name; where it has none in reach, of the port of that name. */
async function addressesOfName(store: Store, name: GuestName, reach: readonly ReachedVpc[]) {
  const tenant = tenantOf(name);
  const vm = await liveByName(store, VmSchema, tenant, name.label);
  const plugged = vm === undefined ? [] : await liveOnes(store, PortSchema, tenant, portIdsOf(vm.message));
  const addresses = addressesIn(plugged, reach);
  if (addresses.length > 0) return addresses;
  const port = await liveByName(store, PortSchema, tenant, name.label);
  const own = port === undefined ? [] : addressesIn([port], reach);
  return own.length > 0 ? own : undefined;
}

async function nameOfPort(store: Store, port: LivePort): Promise<GuestName> {
  const { tenant } = port.key;
  const { deviceId, name } = port.message;
  const vm = deviceId === "" ? undefined : await live(store, VmSchema, tenant, deviceId);
  return { label: vm?.message.name ?? name, ...tenant };
}

export function createDirectory({
  store,
  clock = systemClock,
}: {
  readonly store: Store;
  readonly clock?: Clock;
}): Directory {
  const reaches = new Reaches(store, clock);
  const reachOf = (place: Place) => reaches.of(tenantOf(place), place.vpcId);
  return {
    async addresses(place, name) {
      const reach = (await reachOf(place)).filter(({ tenant }) => sameTenant(tenant, tenantOf(name)));
      return reach.length === 0 ? undefined : addressesOfName(store, name, reach);
    },
    async nameOf(place, address) {
      const vpc = (await reachOf(place)).find(({ networks }) => holds(networks, address));
      const subnet = vpc?.subnets.find(({ networks }) => holds(networks, address));
      const port = vpc && subnet && (await portAt(store, vpc.tenant, subnet.id, address));
      return port && nameOfPort(store, port);
    },
    networks: async (place) => (await reachOf(place)).flatMap(({ networks }) => networks),
    async guest(place, who) {
      const port = await caller(store, place, who);
      return port && guestFacts(store, port);
    },
  };
}
