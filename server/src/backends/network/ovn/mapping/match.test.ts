import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DriverError } from "../../../driver-error.ts";
import type { FilterRule, NetworkObject } from "../../driver.ts";
import { rowsInPlace } from "./filter-place.ts";
import { compile } from "./index.ts";
import type { WantedRow } from "./row.ts";
import { SampleView, samples } from "./testing/samples.ts";

const view = new SampleView(samples);
const owner = "acme/alpha";

/** The grammar of everything that we write into a match; no tenant's text fits into it but an address, a number or one of our names. */
const term = [
  /(in|out)port == @pg_(drop_|free_)?[0-9a-f]{32}/,
  /(in|out)port == "[A-Za-z0-9._-]+"/,
  /ip[46]?|tcp|udp|icmp[46]?/,
  /ip4\.(src|dst) == [0-9.]+\/[0-9]{1,2}/,
  /ip6\.(src|dst) == [0-9A-Fa-f:]+\/[0-9]{1,3}/,
  /!?\(?ip[46]\.(src|dst) == \{[0-9A-Fa-f:./]+(, [0-9A-Fa-f:./]+)*\}\)?/,
  /ip([46])\.(src|dst) == (\$(as|pg)_[0-9a-f]{32}_ip[46]|\{\$pg_[0-9a-f]{32}_ip[46](, \$pg_[0-9a-f]{32}_ip[46])*\})/,
  /(tcp|udp)\.(src|dst) (==|>=|<=) [0-9]{1,5}/,
];
const whole = new RegExp(`^(${term.map(({ source }) => `(?:${source})`).join("|")})$`);

/** A filter has its matches where it has ports. */
function rowsOf(object: NetworkObject): readonly WantedRow[] {
  const { rows } = compile(object, view);
  return object.type === "filter" ? [...rows, ...rowsInPlace({ filter: object, vpcId: "vpc-1" }, view)] : rows;
}

function matchesOf(object: NetworkObject): string[] {
  return rowsOf(object).flatMap(({ columns }) => (columns.match === undefined ? [] : [String(columns.match)]));
}

/** Either refused, or nothing but what we meant. */
function checkMatches(object: NetworkObject): void {
  try {
    for (const match of matchesOf(object)) for (const part of match.split(" && ")) expect(part).toMatch(whole);
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    expect(error.reason).toBe("refused");
  }
}

/** Texts that go wrong more often than random ones. */
const nasty = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom(
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/8 || 1 == 1",
    "10.0.0.0/8\n",
    "10.0.0.0/33",
    "$all",
    "{0.0.0.0/0}",
    '" || ip || inport == "',
    "::1%eth0/64",
    "::ffff:1.2.3.4/96",
    "",
  ),
);
const ports = fc.record({ first: fc.oneof(fc.integer(), fc.double()), last: fc.oneof(fc.integer(), fc.double()) });
const remote = fc.oneof(
  fc.constant({ type: "any" } as const),
  fc.constant({ type: "nobody" } as const),
  nasty.map((cidr) => ({ type: "cidr", cidr }) as const),
  nasty.map((securityGroupId) => ({ type: "group", securityGroupId }) as const),
  fc
    .tuple(nasty, nasty)
    .map(
      ([securityGroupId, peerVpcId]) =>
        ({ type: "group", securityGroupId, over: { vpcId: "vpc-1", peerVpcId } }) as const,
    ),
  nasty.map((addressGroupId) => ({ type: "addresses", addressGroupId }) as const),
);
const rule: fc.Arbitrary<FilterRule> = fc
  .record({
    name: nasty,
    direction: fc.constantFrom("ingress" as const, "egress" as const),
    protocol: fc.constantFrom("any" as const, "tcp" as const, "udp" as const, "icmp" as const),
    ports: fc.option(ports, { nil: undefined }),
    remote,
  })
  .map(({ ports: range, ...rest }) => ({ ...rest, ...(range && { ports: range }) }));

describe("T8: no input makes a match of anything but addresses, numbers and our names", () => {
  test("in a filter", () => {
    fc.assert(
      fc.property(nasty, fc.array(rule, { maxLength: 4 }), (id, rules) =>
        checkMatches({ type: "filter", id, owner, rules }),
      ),
    );
  });

  test("in a port, a router, a service port and a peering", () => {
    fc.assert(
      fc.property(nasty, nasty, nasty, (id, other, address) => {
        checkMatches({
          type: "port",
          id,
          subnetId: other,
          vpcId: other,
          owner,
          macAddress: "fa:16:3e:00:00:01",
          ipAddresses: [],
          securityGroupIds: [other],
          hostname: "",
          forwarding: false,
          bandwidth: { ingressKbps: 1000 },
        });
        checkMatches({ type: "router", id, owner, cidrs: [address] });
        const mac = "0a:00:0a:00:01:fe";
        checkMatches({ type: "service-port", id, vpcId: other, owner, macAddress: mac, addresses: [address] });
        const link = { linkAddress: "169.254.0.1/30", peerLinkAddress: "169.254.0.2" };
        checkMatches({
          type: "peering",
          id,
          vpcId: id,
          peerVpcId: other,
          peerOwner: owner,
          owner,
          ...link,
          peerCidrs: [address],
        });
      }),
    );
  });
});

const filter = (one: Partial<FilterRule>): NetworkObject => ({
  type: "filter",
  id: "sg-1",
  owner,
  rules: [{ name: "r", direction: "ingress", protocol: "any", remote: { type: "any" }, ...one }],
});

test.each<[Partial<FilterRule>, string]>([
  [{}, "ip"],
  [{ protocol: "tcp" }, "ip && tcp"],
  [{ protocol: "icmp" }, "ip && icmp"],
  [{ protocol: "udp", ports: { first: 53, last: 53 } }, "ip && udp.dst == 53"],
  [{ protocol: "tcp", ports: { first: 1, last: 65_535 } }, "ip && tcp.dst >= 1 && tcp.dst <= 65535"],
  [{ remote: { type: "cidr", cidr: "10.0.0.0/8" } }, "ip4.src == 10.0.0.0/8"],
  [{ remote: { type: "cidr", cidr: "fd00::/8" } }, "ip6.src == fd00::/8"],
  [{ remote: { type: "cidr", cidr: "10.0.1.9/24" } }, "ip4.src == 10.0.1.0/24"],
  [{ remote: { type: "cidr", cidr: "FD00::1/64" } }, "ip6.src == fd00::/64"],
  [{ direction: "egress", remote: { type: "cidr", cidr: "10.0.0.0/8" } }, "ip4.dst == 10.0.0.0/8"],
])("the rule %j is %p", (one, expected) => {
  const [match = ""] = matchesOf(filter(one));
  expect(match.replace(/^(in|out)port == @pg_[0-9a-f]{32} && /, "")).toBe(expected);
});

test.each([
  ["10.0.0.0/8 || ip"],
  ["10.0.0.0"],
  ["10.0.0.0/33"],
  ["10.0.0.0/-1"],
  ["10.0.0.0/08"],
  ["fd00::/129"],
  ["fd00::%eth0/64"],
  ["0x0a000000/8"],
  ["010.0.0.0/8"],
  [""],
])("a network %p is refused", (cidr) => {
  const refused = expect.objectContaining({ reason: "refused" });
  expect(() => matchesOf(filter({ remote: { type: "cidr", cidr } }))).toThrow(refused);
});

const dhcp = samples[3];
const port = samples[8];

test.each([
  ['x"; drop', "hostname"],
  ["a b", "hostname"],
  ["-a", "hostname"],
  ["a\nb", "hostname"],
  ["ä", "hostname"],
])("a hostname %p is refused: OVN would answer no DHCP at all", (hostname) => {
  expect(() => compile({ ...port, hostname }, view)).toThrow(expect.objectContaining({ reason: "refused" }));
});

test.each<[Partial<typeof dhcp>]>([
  [{ domain: 'x", router=10.0.0.9' as never }],
  [{ domain: "" as never }],
  [{ gateway: "10.0.1.1, x" as never }],
  [{ dnsServers: ["10.0.1.254}"] as never }],
  [{ serviceAddress: "10.0.1.254 " as never }],
  [{ macAddress: "0A:00" as never }],
  [{ mtu: 1.5 as never }],
  [{ cidr: "fd00::/64" as never }],
])("DHCP with %j is refused", (wrong) => {
  expect(() => compile({ ...dhcp, ...wrong }, view)).toThrow(expect.objectContaining({ reason: "refused" }));
});
