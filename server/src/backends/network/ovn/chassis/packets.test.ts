// Packets byte by byte, as another program makes them.
import { expect, test } from "@jest/globals";
import { packetOf } from "./packets.ts";

const hex = (...words: string[]) => words.join("");
const stations = "020000000001020000000002";

test("TCP over IPv4 is an acknowledgement", () => {
  const packet = packetOf({
    protocol: "tcp",
    from: { address: "10.0.0.1", port: 40_000 },
    to: { address: "10.9.1.11", port: 80 },
  });
  const header = hex("45000028", "00000000", "400665bc", "0a000001", "0a09010b");
  const segment = hex("9c400050", "00000000", "00000000", "5010ffff", "fe2f0000");
  expect(packet.toString("hex")).toBe(hex(stations, "0800", header, segment));
});

test("UDP over IPv6 is an empty datagram", () => {
  const packet = packetOf({
    protocol: "udp",
    from: { address: "fd00:1::11", port: 9_000 },
    to: { address: "fd00:1::12", port: 53 },
  });
  const addresses = hex("fd000001000000000000000000000011", "fd000001000000000000000000000012");
  expect(packet.toString("hex")).toBe(hex(stations, "86dd", "6000000000081140", addresses, "232800350008e25a"));
});

test("a datagram whose checksum would be zero says so by ones (RFC 768)", () => {
  const packet = packetOf({
    protocol: "udp",
    from: { address: "10.0.0.1", port: 60_326 },
    to: { address: "10.0.0.2", port: 53 },
  });
  expect(packet.subarray(-2).toString("hex")).toBe("ffff");
});

test.each([
  ["10.0.0.1", "fd00::1"],
  ["fd00::1", "10.0.0.1"],
  ["10.0.0.1", "nowhere"],
  ["nowhere", "nowhere"],
])("nothing goes from %s to %s", (from, to) => {
  const ends = { from: { address: from, port: 1 }, to: { address: to, port: 2 } };
  expect(() => packetOf({ protocol: "tcp", ...ends })).toThrow(`no connection is from ${from} to ${to}`);
});
