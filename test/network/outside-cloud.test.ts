// The outside as tenants ask for it, by packets: a VPC is joined to an external network, gets an elastic IP, moves it, and leaves.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ElasticIpSchema, IpFamily } from "@photoncloud/proto/gen/prismnet/v1/elastic_ip_pb";
import { ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { RouteSchema } from "@photoncloud/proto/gen/prismnet/v1/route_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { acme } from "../../server/src/services/testing/small-cloud.ts";
import { type CloudField, type Net, type Seat, startCloudField } from "./cloud-field.ts";
import { describeOnOvn, eventually, type Guest } from "./field.ts";

const [nextHop, faraway] = ["203.0.113.1", "198.51.100.10"];
const [nextHop6, faraway6] = ["2001:db8:113::1", "2001:db8:ffff::10"];

describeOnOvn("the outside, asked for by a tenant", () => {
  let field: CloudField;
  let net: Net;
  let one: Seat;
  let two: Seat;
  let outside: Guest;

  beforeAll(async () => {
    field = await startCloudField();
    outside = field.lab.outside();
    await outside.run("ip", "addr", "add", `${faraway}/32`, "dev", "lo");
    for (const address of ["fe80::1/64", `${nextHop6}/64`])
      await outside.run("ip", "addr", "add", address, "dev", "br0", "nodad");
    await outside.run("ip", "addr", "add", `${faraway6}/128`, "dev", "lo");
    await outside.serveTcp(80, "{source}");
    const wire = { cidr: "203.0.113.0/24", ipv6Cidr: "2001:db8:113::/64", physicalNetwork: "physnet1" };
    await field.cloud.make(ExternalNetworkSchema, { orgId: "", projectId: "", id: "external", ...wire });
    net = await field.net(acme, 51);
    const open = await field.open(acme);
    one = await field.seat(net, [open]);
    two = await field.seat(net, [open], 1);
    await one.guest.serveTcp(80, "one sees {source}");
    await two.guest.serveTcp(80, "two sees {source}");
  }, 90_000);
  afterAll(() => field?.stop(), 30_000);

  const greeting = (from: Guest, address: string, expected: string | undefined) =>
    eventually(
      () => from.connects(address, 80),
      (answer) => answer === expected,
    );
  const settled = async () => {
    await field.cloud.ready(VpcSchema, net.vpc.id);
    await field.programmed(net.vpc.id);
  };

  test("is reached while the VPC is joined to it, by the address that the VPC shows; an elastic IP follows its port", async () => {
    expect(await one.guest.connects(faraway, 80)).toBeUndefined();
    await field.cloud.update(VpcSchema, net.vpc.id, { externalNetworkId: "external" });
    await settled();
    const { egressAddress } = await field.cloud.get(VpcSchema, net.vpc.id);
    expect(await greeting(one.guest, faraway, egressAddress)).toBe(egressAddress);
    expect(await greeting(two.guest, faraway, egressAddress)).toBe(egressAddress);

    const ip = await field.cloud.make(ElasticIpSchema, { name: "public", portId: one.port.id });
    const address = ip.address ?? "";
    expect(await greeting(outside, address, `one sees ${nextHop}`)).toBe(`one sees ${nextHop}`);
    expect(await greeting(one.guest, faraway, address)).toBe(address);
    await field.cloud.update(ElasticIpSchema, ip.id, { portId: two.port.id });
    expect(await greeting(outside, address, `two sees ${nextHop}`)).toBe(`two sees ${nextHop}`);
    expect(await greeting(one.guest, faraway, egressAddress)).toBe(egressAddress);

    const target = { case: "drop", value: {} } as const;
    const hole = { name: "hole", vpcId: net.vpc.id, destination: "198.51.100.0/24", target };
    const route = await field.cloud.make(RouteSchema, hole);
    expect(await greeting(one.guest, faraway, undefined)).toBeUndefined();
    await field.cloud.delete(RouteSchema, route.id);
    expect(await greeting(one.guest, faraway, egressAddress)).toBe(egressAddress);

    const { egressIpv6Address } = await field.cloud.get(VpcSchema, net.vpc.id);
    expect(await greeting(one.guest, faraway6, egressIpv6Address)).toBe(egressIpv6Address);
    const six = { name: "public6", portId: two.port.id, family: IpFamily.IPV6 };
    const ip6 = await field.cloud.make(ElasticIpSchema, six);
    const address6 = ip6.address ?? "";
    expect(await greeting(outside, address6, `two sees ${nextHop6}`)).toBe(`two sees ${nextHop6}`);
    expect(await greeting(two.guest, faraway6, address6)).toBe(address6);

    for (const { id } of [ip, ip6]) {
      await field.cloud.delete(ElasticIpSchema, id);
      await field.cloud.gone(ElasticIpSchema, id);
    }
    await field.cloud.update(VpcSchema, net.vpc.id, {}, ["external_network_id"]);
    await settled();
    expect(await greeting(one.guest, faraway, undefined)).toBeUndefined();
    expect(await one.guest.pings(two.port.ipAddress ?? "")).toBe(true);
  }, 90_000);
});
