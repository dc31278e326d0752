// What another host tells of a machine's connections: only what is one counts.
import { gzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { packed, unpacked } from "./move-connections.ts";

const [here, there] = [
  { address: "10.0.1.10", port: 43_112 },
  { address: "10.0.1.11", port: 80 },
];
const v6 = { address: "fd00::1", port: 53 };
const tcp = { protocol: "tcp", from: here, to: there } as const;
const udp = { protocol: "udp", from: v6, to: { ...v6, port: 0 } } as const;
const told = (value: unknown) => gzipSync(JSON.stringify(value)).toString("base64");

test("what was packed is unpacked", () => {
  const connections = new Map([
    ["port-a", [tcp, udp]],
    ["port-b", []],
  ]);
  expect(unpacked(packed(connections))).toEqual(connections);
});

test.each([
  ["another protocol", { ...tcp, protocol: "sctp" }],
  ["an end that is missing", { protocol: "tcp", from: here }],
  ["an address that is none", { ...tcp, to: { address: "10.0.1.11,actions=drop", port: 80 } }],
  ["two families", { ...tcp, to: v6 }],
  ["a port that is too large", { ...tcp, to: { ...there, port: 65_536 } }],
  ["a port below zero", { ...tcp, to: { ...there, port: -1 } }],
  ["half a port", { ...tcp, to: { ...there, port: 1.5 } }],
  ["a port in words", { ...tcp, to: { ...there, port: "80" } }],
  ["no object", "tcp"],
  ["nothing", null],
])("one with %s is left out", (_, connection) => {
  expect(unpacked(told([["port-a", [connection, tcp]]]))).toEqual(new Map([["port-a", [tcp]]]));
});

test.each([
  ["nothing", undefined],
  ["no text", 7],
  ["no archive", "none"],
  ["no JSON", gzipSync("{").toString("base64")],
  ["no list", told({ "port-a": [tcp] })],
  ["no pairs", told(["port-a"])],
  ["more than any machine has", gzipSync(Buffer.alloc(65 * 1024 ** 2, " ")).toString("base64")],
])("of %s there are none", (_, value) => {
  expect(unpacked(value)).toEqual(new Map());
});

test("of a port without a list there are none", () => {
  expect(unpacked(told([["port-a", tcp]]))).toEqual(new Map([["port-a", []]]));
});
