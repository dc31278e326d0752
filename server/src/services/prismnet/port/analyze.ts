// What would become of a packet that a port sends, in what its tenant may see of it.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import {
  type AnalyzePathRequest,
  AnalyzePathRequestSchema,
  type AnalyzePathResponse,
  AnalyzePathResponseSchema,
  type PortSchema,
} from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { Protocol } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import type { Packet, Reach } from "../../../backends/network/driver.ts";
import { invalidField } from "../../../fault.ts";
import { formatIp, parseIp } from "../../../ip.ts";
import { ownerOf } from "../../driver-step.ts";
import type { QueryMethod } from "../../kind.ts";
import { nounOfObject } from "../../network/kinds.ts";

const protocols: Partial<Record<Protocol, Packet["protocol"]>> = {
  [Protocol.TCP]: "tcp",
  [Protocol.UDP]: "udp",
  [Protocol.ICMP]: "icmp",
};

export const analyzePath: QueryMethod<typeof PortSchema> = {
  async answer({ id, tenant }, request, { drivers, signal }) {
    const reach = await drivers.network.reaches(packetOf(id, request), signal);
    return asSeenBy(ownerOf(tenant), reach);
  },
};

/** @throws Fault INVALID_FIELDS */
export function packetOf(fromPortId: string, request: Message): Packet {
  if (!isMessage(request, AnalyzePathRequestSchema)) throw new Error("AnalyzePath was given another request");
  const protocol = protocols[request.protocol];
  if (protocol === undefined)
    throw invalidField("protocol", "required", "it is missing; one of tcp, udp and icmp is wanted");
  const { port } = request;
  const packet = { fromPortId, toIp: addressIn(request), protocol };
  if (protocol === "icmp" && port !== 0)
    throw invalidField("port", "conflict", `${port} was given, but ICMP has no ports; leave it out`);
  if (protocol === "icmp") return packet;
  if (port === 0) throw invalidField("port", "required", `it is missing; for ${protocol} give one from 1 to 65535`);
  return { ...packet, port };
}

function addressIn({ destination }: AnalyzePathRequest): string {
  const address = parseIp(destination);
  if (address !== undefined) return formatIp(address);
  throw invalidField("destination", "format", `${destination} is no IP address; write one like 10.0.2.10`);
}

/** Hides what is neither the tenant's nor the system's: from where the path leaves what it may see there is one last hop without a name. */
export function asSeenBy(owner: string, { reached, because, hops }: Reach): AnalyzePathResponse {
  const isSeen = (hop: Reach["hops"][number]) => hop.owner === owner || hop.owner === "" || hop.owner === "/";
  const end = hops.findIndex((hop) => !isSeen(hop));
  const seen = (end < 0 ? hops : hops.slice(0, end)).map(({ type, id, action }) => ({
    kind: nounOfObject(type),
    id,
    action,
  }));
  if (end < 0) return create(AnalyzePathResponseSchema, { delivered: reached, reason: because, hops: seen });
  const beyond = reached ? "it arrives in a network of another tenant" : "it is dropped in a network of another tenant";
  return create(AnalyzePathResponseSchema, {
    delivered: reached,
    reason: beyond,
    hops: [...seen, { kind: "", id: "", action: "it goes on where you can't see it" }],
  });
}
