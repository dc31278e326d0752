// Frames that no program sends by itself, put into Open vSwitch as if a guest's device had sent them.
import { command } from "../../server/src/backends/linux/command.ts";
import type { Field } from "./field.ts";

/** All nodes of a link (RFC 4291 section 2.7.1). */
const everybody = bytes("ff020000000000000000000000000001");

/** An ICMPv6 router advertisement (RFC 4861 section 4.2) of 1,800 s from a MAC and its link-local address, as hexadecimal digits. */
export function routerAdvertisement(mac: string): string {
  const hardware = hardwareOf(mac);
  const message = Buffer.concat([bytes("86000000" + "40000708" + "0000000000000000" + "0101"), hardware]);
  return toEverybody(hardware, linkLocalOf(hardware), message);
}

/** What a neighbour advertisement says that nobody asked for (RFC 4861 section 4.4). */
export interface NeighbourAdvertisement {
  /** Of the frame, and as the new home of the target. */
  readonly mac: string;
  /** The IPv6 address whose home it tells, all eight groups written out. */
  readonly target: string;
  /** Its source; default the MAC's link-local address. */
  readonly source?: string;
}

/** It overrides what is known, as hexadecimal digits. */
export function neighbourAdvertisement({ mac, target, source }: NeighbourAdvertisement): string {
  const hardware = hardwareOf(mac);
  const message = Buffer.concat([bytes("88000000" + "20000000"), addressOf(target), bytes("0201"), hardware]);
  return toEverybody(hardware, source === undefined ? linkLocalOf(hardware) : addressOf(source), message);
}

/** A frame to all nodes of a link, with the checksum of its ICMPv6 message. */
function toEverybody(hardware: Buffer, source: Buffer, message: Buffer): string {
  const pseudo = [source, everybody, Buffer.from([0, 0, 0, message.length, 0, 0, 0, 58])];
  message.writeUInt16BE(checksumOf(Buffer.concat([...pseudo, message])), 2);
  const header = Buffer.from([0x60, 0, 0, 0, 0, message.length, 58, 255]);
  const ethernet = [bytes("333300000001"), hardware, bytes("86dd")];
  return Buffer.concat([...ethernet, header, source, everybody, message]).toString("hex");
}

function hardwareOf(mac: string): Buffer {
  return bytes(mac.replaceAll(":", ""));
}

function linkLocalOf(hardware: Buffer): Buffer {
  return Buffer.concat([bytes("fe80000000000000"), eui64(hardware)]);
}

function addressOf(groups: string): Buffer {
  return bytes(
    groups
      .split(":")
      .map((group) => group.padStart(4, "0"))
      .join(""),
  );
}

/** Hands a host a frame as one of the guest's in a port. */
export async function sendAs({ lab }: Field, host: number, portId: string, frame: string): Promise<void> {
  const chassis = lab.ovn.hosts[host];
  if (chassis === undefined) throw new Error(`there is no host ${host}`);
  const find = ["--bare", "--columns=ofport", "find", "Interface", `external_ids:iface-id=${portId}`];
  const inPort = (await command("ovs-vsctl", [`--db=${chassis.database}`, ...find])).trim();
  const bridge = `unix:${chassis.runDir}/br-int.mgmt`;
  await command("ovs-ofctl", ["packet-out", bridge, `in_port=${inPort},packet=${frame},actions=table`]);
}

function bytes(digits: string): Buffer {
  return Buffer.from(digits, "hex");
}

/** RFC 4291, appendix A. */
function eui64(mac: Buffer): Buffer {
  const id = Buffer.concat([mac.subarray(0, 3), bytes("fffe"), mac.subarray(3)]);
  id.writeUInt8(id.readUInt8(0) ^ 2, 0);
  return id;
}

/** RFC 1071, of an even number of bytes. */
function checksumOf(of: Buffer): number {
  let sum = 0;
  for (let at = 0; at < of.length; at += 2) sum += of.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
