// A subnet is a switch, joined to its VPC's router, with DHCP for its guests.
import { type Subnet, SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import type { Drivers } from "../../../backends/drivers.ts";
import type { DhcpSpec, RouterPortSpec, SwitchSpec } from "../../../backends/network/driver.ts";
import type { Reconciler } from "../../../engine/reconciler.ts";
import { parseIp } from "../../../ip.ts";
import { type DriverContext, driverStep, ownerOf } from "../../driver-step.ts";

type Context = DriverContext<typeof SubnetSchema>;

/**
 * The gateway's MAC: locally administered (the second digit, IEEE 802) and made from its address, so that it is unique in its VPC, where
 * addresses are. The ports' own begin with fa:16:3e.
 */
export function gatewayMac(gateway: string): string {
  const value = parseIp(gateway)?.value ?? 0n;
  const bytes = [24n, 16n, 8n, 0n].map((shift) =>
    Number((value >> shift) & 255n)
      .toString(16)
      .padStart(2, "0"),
  );
  return ["0a", "00", ...bytes].join(":");
}

function gatewayOf({ gateway = "" }: Subnet): string {
  return gateway;
}

function switchOf({ id, key, resource }: Context): SwitchSpec {
  const { vpcId, cidr = "" } = resource;
  return { type: "switch", id, vpcId, owner: ownerOf(key.tenant), cidr };
}

function routerPortOf({ id, resource }: Context): RouterPortSpec {
  const gateway = gatewayOf(resource);
  const [, length = ""] = (resource.cidr ?? "").split("/");
  const addresses = [`${gateway}/${length}`];
  return { type: "router-port", id, vpcId: resource.vpcId, macAddress: gatewayMac(gateway), addresses };
}

function dhcpOf({ id, resource }: Context): DhcpSpec {
  const { cidr = "", dnsServers } = resource;
  const gateway = gatewayOf(resource);
  return { type: "dhcp", id, cidr, gateway, macAddress: gatewayMac(gateway), dnsServers: [...dnsServers] };
}

export const subnetReconciler: Reconciler<typeof SubnetSchema, Drivers> = {
  schema: SubnetSchema,
  backend: ({ network }) => network.name,
  steps: [
    driverStep({
      name: "switch",
      ensure: (context) => context.drivers.network.ensure(switchOf(context), context.signal),
      remove: ({ id, drivers, signal }) => drivers.network.remove({ type: "switch", id }, signal),
    }),
    driverStep({
      name: "router-port",
      ensure: (context) => context.drivers.network.ensure(routerPortOf(context), context.signal),
      remove: ({ id, drivers, signal }) => drivers.network.remove({ type: "router-port", id }, signal),
    }),
    driverStep({
      name: "dhcp",
      ensure: (context) =>
        context.resource.dhcpEnabled === false
          ? context.drivers.network.remove({ type: "dhcp", id: context.id }, context.signal)
          : context.drivers.network.ensure(dhcpOf(context), context.signal),
      remove: ({ id, drivers, signal }) => drivers.network.remove({ type: "dhcp", id }, signal),
    }),
  ],
};
