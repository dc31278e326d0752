// All that a guest may know of itself in one document, in the cloud's own words.

import type { GuestFacts, GuestPort } from "../directory.ts";
import { cloudZone } from "../names/zone.ts";

function portOf(port: GuestPort) {
  return {
    id: port.id,
    name: port.name,
    mac_address: port.macAddress,
    ip_address: port.ipAddress,
    ipv6_address: port.ipv6Address,
    elastic_ip: port.publicAddress,
    security_groups: port.securityGroups.map(({ id, name }) => ({ id, name })),
    subnet: { id: port.subnetId, cidrs: port.subnetCidrs },
    vpc: { id: port.vpcId, cidrs: port.vpcCidrs },
  };
}

/** As JSON, with the names that the cloud's API has. */
export function photonDocument({ org, project, port, machine }: GuestFacts): string {
  const vm = machine && {
    id: machine.id,
    name: machine.name,
    image_id: machine.imageId,
    cpu: machine.cpu,
    memory_mib: machine.memoryMib,
    labels: machine.labels,
    created_at: new Date(machine.createdAt).toISOString(),
    user_data: machine.userData,
  };
  const hostname = `${machine?.name ?? port.name}.${project}.${org}.${cloudZone}`;
  const ports = (machine?.ports ?? [port]).map(portOf);
  return `${JSON.stringify({ org_id: org, project_id: project, hostname, port_id: port.id, vm, ports }, undefined, 2)}\n`;
}
