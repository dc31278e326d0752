// A filter's rules as its main row keeps them: whoever brings the filter to another VPC makes its rows there from these.
import type { FilterRule, FilterSpec } from "../../driver.ts";
import { idIn } from "../marks.ts";
import type { View } from "./row.ts";
import { rowUuid } from "./uuids.ts";

export function keptRules(rules: readonly FilterRule[]): string {
  return JSON.stringify(rules);
}

/** A filter as it was written last; undefined: it is not there. A rule that somebody spoiled allows nothing. */
export function keptFilter(id: string, view: View): FilterSpec | undefined {
  const row = view.row(rowUuid({ type: "filter", id }))?.row;
  const [owner, rules] = [idIn(row, "photon:tenant"), idIn(row, "photon:rules")];
  if (owner === undefined || rules === undefined) return undefined;
  return { type: "filter", id, owner, rules: read(rules) };
}

function read(text: string): readonly FilterRule[] {
  try {
    const rules: unknown = JSON.parse(text);
    return Array.isArray(rules) ? rules.filter(isRule) : [];
  } catch {
    return [];
  }
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const isText = (value: unknown): value is string => typeof value === "string";

function isRule(value: unknown): value is FilterRule {
  if (!isFields(value)) return false;
  const { name, direction, protocol, ports, remote } = value;
  const isKnown = direction === "ingress" || direction === "egress";
  const hasProtocol = isText(protocol) && ["any", "tcp", "udp", "icmp"].includes(protocol);
  return isText(name) && isKnown && hasProtocol && (ports === undefined || isRange(ports)) && isRemote(remote);
}

function isRange(value: unknown): boolean {
  return isFields(value) && typeof value.first === "number" && typeof value.last === "number";
}

function isRemote(value: unknown): boolean {
  if (!isFields(value)) return false;
  switch (value.type) {
    case "any":
    case "nobody":
      return true;
    case "cidr":
      return isText(value.cidr);
    case "group":
      return isText(value.securityGroupId) && (value.over === undefined || isOver(value.over));
    case "addresses":
      return isText(value.addressGroupId);
    default:
      return false;
  }
}

function isOver(value: unknown): boolean {
  return isFields(value) && isText(value.vpcId) && isText(value.peerVpcId);
}
