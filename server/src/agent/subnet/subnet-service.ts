// Answers names and metadata in one subnet, from the moment that it is plugged in until it is stopped.
import type { Socket as UdpSocket } from "node:dgram";
import { Server } from "node:net";
import { metadataAddresses } from "../../backends/network/driver.ts";
import type { HostNetwork } from "../../backends/network/host-network.ts";
import type { Directory } from "../directory.ts";
import type { RateLimit } from "../limits.ts";
import type { AgentLog } from "../log.ts";
import type { MetadataParts } from "../metadata/handler.ts";
import { listenOn, metadataServer } from "../metadata/serve.ts";
import type { SessionTokens } from "../metadata/token.ts";
import type { Forwarder } from "../names/forwarder.ts";
import { resolve } from "../names/resolver.ts";
import { type Answerer, serveTcp, serveUdp } from "../names/serve.ts";
import { Neighbours } from "./neighbours.ts";
import type { ServedSubnet } from "./served-subnet.ts";
import { makeServiceNamespace, namesOf, removeServiceNamespace } from "./service-namespace.ts";
import { openSockets, type WantedSocket } from "./sockets.ts";

/** What all subnets of a host share. */
export interface ServiceParts {
  readonly hostNetwork: HostNetwork;
  readonly directory: Directory;
  readonly forwarder: Forwarder;
  readonly tokens: SessionTokens;
  readonly nameRate: RateLimit;
  readonly metadataRate: RateLimit;
  readonly log: AgentLog;
}

/** A subnet that is served. */
export interface SubnetService {
  readonly subnet: ServedSubnet;
  /** The device that is plugged in. */
  readonly device: string;
  stop(): Promise<void>;
}

const [metadataV4, metadataV6] = metadataAddresses;
const namePort = 53;
const metadataPort = 80;
/** Longer than an Open vSwitch that lives needs, in milliseconds; one that is dead must not hold up the agent's end. */
const unplugMs = 3_000;

function serviceAddresses({ addresses }: ServedSubnet): readonly string[] {
  return addresses.map((address) => address.split("/")[0] ?? "");
}

function wantedSockets(subnet: ServedSubnet): readonly WantedSocket[] {
  const kinds = ["udp", "tcp"] as const;
  const metadata = [metadataV4, `${metadataV6}%eth0`];
  const names = [...serviceAddresses(subnet), ...metadata];
  return [
    ...kinds.flatMap((kind) => names.map((address) => ({ kind, address, port: namePort }))),
    ...metadata.map((address) => ({ kind: "tcp" as const, address, port: metadataPort })),
  ];
}

function answererOf(subnet: ServedSubnet, parts: ServiceParts): Answerer {
  const { place } = subnet;
  const { directory, forwarder, log, nameRate: rate } = parts;
  const resolver = { place, directory, forwarder, log, rate, addresses: serviceAddresses(subnet) };
  return (bytes, asking) => resolve(bytes, resolver, asking);
}

/** Serves a resolver on a socket. Answers how to end it. */
function serveNames(socket: UdpSocket | Server, answer: Answerer): () => void {
  if (!(socket instanceof Server)) {
    serveUdp(socket, answer);
    return () => socket.close();
  }
  const end = serveTcp(socket, answer);
  return () => {
    socket.close();
    end();
  };
}

/** Serves metadata on a socket. Answers how to end it. */
async function serveMetadata(socket: Server, parts: MetadataParts): Promise<() => void> {
  const server = metadataServer(parts);
  await listenOn(server, socket);
  return () => {
    server.close();
    server.closeAllConnections();
  };
}

/** Makes the sockets of a subnet and serves them. Answers how to end them. */
async function serveSockets(subnet: ServedSubnet, namespace: string, parts: ServiceParts): Promise<(() => void)[]> {
  const { directory, tokens, log, metadataRate: rate } = parts;
  const neighbours = new Neighbours(namespace);
  const pin = (address: string, macAddress: string) => neighbours.pin(address, macAddress);
  const metadata = { place: subnet.place, directory, tokens, rate, log, pin };
  const answer = answererOf(subnet, parts);
  const wanted = wantedSockets(subnet);
  const sockets = await openSockets(namespace, wanted);
  const ends: (() => void)[] = [];
  for (const [i, socket] of sockets.entries()) {
    const isMetadata = wanted[i]?.port === metadataPort && socket instanceof Server;
    ends.push(isMetadata ? await serveMetadata(socket, metadata) : serveNames(socket, answer));
  }
  return ends;
}

/** @throws Error if something can't be made; then nothing is left of it. */
export async function startSubnetService(
  subnet: ServedSubnet,
  parts: ServiceParts,
  signal: AbortSignal,
): Promise<SubnetService> {
  const { hostNetwork, log } = parts;
  const { namespace: host } = hostNetwork;
  const names = namesOf(host, subnet.place.subnetId);
  const ends: (() => void)[] = [];
  const unplug = () =>
    hostNetwork.unplug(names.device, AbortSignal.timeout(unplugMs)).catch((err: unknown) => {
      log.warn({ err, device: names.device }, "a service's device could not be unplugged");
    });
  const stop = async () => {
    for (const end of ends.splice(0)) end();
    await unplug();
    await removeServiceNamespace(host, names);
  };
  try {
    await unplug();
    await makeServiceNamespace(host, names, subnet);
    ends.push(...(await serveSockets(subnet, names.namespace, parts)));
    await hostNetwork.plug({ name: names.device, portId: subnet.portId }, signal);
    return { subnet, device: names.device, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
