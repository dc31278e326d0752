import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  addressAt,
  encloses,
  formatIp,
  formatNetwork,
  type IpAddress,
  type IpNetwork,
  includes,
  networkOf,
  nextFreeNetwork,
  overlaps,
  parseIp,
  parseNetwork,
  sizeOf,
} from "./ip.ts";

const anAddress: fc.Arbitrary<IpAddress> = fc.oneof(
  fc.nat({ max: 0xffff_ffff }).map((value) => ({ family: 4 as const, value: BigInt(value) })),
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((value) => ({ family: 6 as const, value })),
);
const aNetwork = fc
  .tuple(anAddress, fc.integer({ min: 8, max: 30 }), fc.integer({ min: 0, max: 90 }))
  .map(([address, length, more]) => networkOf(address, address.family === 4 ? length : length + more));
const net = (text: string): IpNetwork => {
  const parsed = parseNetwork(text);
  if (parsed === undefined) throw new Error(`${text} is no network`);
  return parsed;
};

describe("addresses", () => {
  test("parseIp() reads what formatIp() writes", () => {
    fc.assert(fc.property(anAddress, (address) => expect(parseIp(formatIp(address))).toEqual(address)));
  });
  test.each([
    "",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.01",
    "10.0.0.1.2",
    "10.0.0.-1",
    " 10.0.0.1",
    "10.0.0.1 ",
    "a.b.c.d",
    "1e1.0.0.0",
    "fd00:::1",
    "fd00::1::2",
    "fd00::1%eth0",
    "fd00::10000",
    "1:2:3:4:5:6:7",
    "::ffff:10.0.0.256",
  ])("parseIp() refuses %p", (text) => expect(parseIp(text)).toBeUndefined());
});

describe("networks", () => {
  test("parseNetwork() reads what formatNetwork() writes", () => {
    fc.assert(fc.property(aNetwork, (network) => expect(parseNetwork(formatNetwork(network))).toEqual(network)));
  });
  test("parseNetwork() drops host bits", () => {
    expect(formatNetwork(net("10.0.1.7/24"))).toBe("10.0.1.0/24");
    expect(formatNetwork(net("FD00:0:0:1::7/64"))).toBe("fd00:0:0:1::/64");
  });
  test("networks of different families share nothing, whatever their numbers", () => {
    expect(overlaps(net("0.0.0.0/0"), net("::/0"))).toBe(false);
    expect(encloses(net("::/0"), net("10.0.0.0/8"))).toBe(false);
  });
  test.each([
    "10.0.0.0",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/08",
    "10.0.0.0/",
    "/8",
    "fd00::/129",
    "fd00::",
  ])("parseNetwork() refuses %p", (text) => expect(parseNetwork(text)).toBeUndefined());
  test("a network includes its first and last address and no neighbour", () => {
    fc.assert(
      fc.property(aNetwork, (network) => {
        const last = addressAt(network, -1n);
        expect(includes(network, addressAt(network, 0n))).toBe(true);
        expect(includes(network, last)).toBe(true);
        expect(includes(network, { ...last, value: last.value + 1n })).toBe(false);
        expect(includes(network, { ...last, value: network.first - 1n })).toBe(false);
      }),
    );
  });
  test("overlaps() agrees with comparing the ranges", () => {
    fc.assert(
      fc.property(aNetwork, aNetwork, (one, other) => {
        const apart =
          one.family !== other.family ||
          one.first + sizeOf(one) <= other.first ||
          other.first + sizeOf(other) <= one.first;
        expect(overlaps(one, other)).toBe(!apart);
      }),
    );
  });
});

describe("nextFreeNetwork()", () => {
  test.each([
    ["10.0.0.0/16", 24, [], "10.0.0.0/24"],
    ["10.0.0.0/16", 24, ["10.0.0.0/24", "10.0.2.0/24"], "10.0.1.0/24"],
    ["10.0.0.0/16", 24, ["10.0.0.0/28"], "10.0.1.0/24"],
    ["10.0.0.0/16", 24, ["10.0.0.0/17"], "10.0.128.0/24"],
    ["10.0.0.0/24", 24, ["10.0.0.16/28"], undefined],
    ["10.0.0.0/26", 24, [], undefined],
    ["10.0.0.0/8", 24, ["10.0.0.0/9"], "10.128.0.0/24"],
    ["fd00::/48", 64, ["fd00::/64", "fd00:0:0:2::/64"], "fd00:0:0:1::/64"],
    ["fd00::/64", 64, ["fd00::/64"], undefined],
    ["255.255.255.0/24", 28, ["255.255.255.0/25", "255.255.255.128/25"], undefined],
  ] as const)("in %s a /%i beside %j is %s", (within, length, taken, expected) => {
    const found = nextFreeNetwork(net(within), length, taken.map(net));
    expect(found && formatNetwork(found)).toBe(expected);
  });
  test("fills a network wholly, lowest first, without overlap", () => {
    fc.assert(
      fc.property(fc.integer({ min: 24, max: 28 }), (length) => {
        const within = net("10.9.0.0/22");
        const taken: IpNetwork[] = [];
        for (let next = nextFreeNetwork(within, length, taken); next; next = nextFreeNetwork(within, length, taken)) {
          expect(encloses(within, next)).toBe(true);
          expect(taken.some((network) => overlaps(network, next))).toBe(false);
          taken.push(next);
        }
        expect(taken.length).toBe(2 ** (length - 22));
      }),
    );
  });
});
