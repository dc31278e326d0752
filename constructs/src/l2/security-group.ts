// Security groups that are told intent: `web.connections.allowFrom(app, tcp(80))`.
import { Construct } from "constructs";
import { type TfAddressGroup, TfSecurityGroup, type TfSecurityGroupRule } from "../l1/gen/index.ts";
import { nameOf } from "./names.ts";
import type { Packets } from "./packets.ts";
import type { PeerGroup } from "./peering.ts";

/** Something that packets come from or go to: a security group, or a machine with one. */
export interface Connectable {
  readonly connections: Connections;
}

/** What may talk to something. Everything that is not allowed in is dropped; going out is allowed until a first rule says where to. */
export class Connections {
  readonly #group: SecurityGroup;

  constructor(group: SecurityGroup) {
    this.#group = group;
  }

  /** The group whose rules these are. */
  get securityGroup(): SecurityGroup {
    return this.#group;
  }

  /**
   * Lets the machines of another group in.
   *
   * @throws Error where that group already lets this one in: two groups that name each other can't be created one after the other. Use
   *   `allowFromCidr` for one of the two directions.
   */
  allowFrom(other: Connectable, packets: Packets): void {
    this.#group.letIn(other.connections.securityGroup, packets);
  }

  /** Lets a network in: `allowFromCidr("10.0.0.0/8", tcp(22))`. */
  allowFromCidr(cidr: string, packets: Packets): void {
    this.#group.addRule(`from-${cidr.replace(/[^a-z0-9]+/gi, "-")}-${packets.word}`, {
      direction: "ingress",
      remoteCidr: cidr,
      ...matching(packets),
    });
  }

  /** Lets the networks of an address group in. */
  allowFromAddresses(addresses: TfAddressGroup, packets: Packets): void {
    const name = `from-${nameOf(addresses)}-${packets.word}`;
    this.#group.addRule(name, { direction: "ingress", remoteAddressGroupId: addresses.id, ...matching(packets) });
  }

  /** Lets a group of a peered VPC's project in, while the peering is active. */
  allowFromPeer({ peering, name, securityGroupId }: PeerGroup, packets: Packets): void {
    this.#group.addRule(`from-${nameOf(peering)}-${name}-${packets.word}`.slice(-63).replace(/^[^a-z]+/, ""), {
      direction: "ingress",
      remotePeerGroup: { peeringId: peering.peeringId, securityGroupId },
      ...matching(packets),
    });
  }

  /** Lets anyone in. */
  allowFromAnyone(packets: Packets): void {
    this.#group.addRule(`from-anyone-${packets.word}`, {
      direction: "ingress",
      remoteCidr: "0.0.0.0/0",
      ...matching(packets),
    });
  }

  /** Lets packets out to a network; the first such rule ends the freedom to send anywhere. */
  allowToCidr(cidr: string, packets: Packets): void {
    this.#group.addRule(`to-${cidr.replace(/[^a-z0-9]+/gi, "-")}-${packets.word}`, {
      direction: "egress",
      remoteCidr: cidr,
      ...matching(packets),
    });
  }
}

function matching(packets: Packets): Pick<TfSecurityGroupRule, "protocol" | "portRange"> {
  return {
    ...(packets.protocol === undefined ? {} : { protocol: packets.protocol }),
    ...(packets.ports === undefined ? {} : { portRange: packets.ports }),
  };
}

export interface SecurityGroupProps {
  /** @default - from the construct's path: "main/web" becomes "main-web" */
  readonly name?: string;
  /** What it is for. @default - none */
  readonly description?: string;
  /** Rules beside those of `connections`, each under a stable name. @default - none */
  readonly rules?: Readonly<Record<string, TfSecurityGroupRule>>;
}

/** A stateful packet filter for machines. */
export class SecurityGroup extends Construct implements Connectable {
  readonly connections: Connections;
  readonly resource: TfSecurityGroup;
  /** Its id, known when it is deployed; one token, so that equal rules compare equal. */
  readonly securityGroupId: string;
  /** Read by the L1 construct when the stack is synthesized, so rules may be added until then. */
  readonly #rules: Record<string, TfSecurityGroupRule>;
  readonly #letIn = new Set<SecurityGroup>();

  constructor(scope: Construct, id: string, props: SecurityGroupProps = {}) {
    super(scope, id);
    this.#rules = { ...props.rules };
    this.resource = new TfSecurityGroup(this, "Resource", {
      name: props.name ?? nameOf(this),
      ...(props.description === undefined ? {} : { description: props.description }),
      rules: this.#rules,
    });
    this.securityGroupId = this.resource.id;
    this.connections = new Connections(this);
  }

  /**
   * Adds a rule under a name; the same rule again changes nothing.
   *
   * @throws Error if another rule has that name.
   */
  addRule(name: string, rule: TfSecurityGroupRule): void {
    const known = this.#rules[name];
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(rule))
      throw new Error(
        `${this.node.path}: the rule ${name} is there already and says something else; give one of them another name`,
      );
    this.#rules[name] = rule;
  }

  /** Lets another group's machines in; called by `connections.allowFrom`. */
  letIn(other: SecurityGroup, packets: Packets): void {
    if (other === this)
      throw new Error(
        `${this.node.path}: a group can't name itself while it is created; let its subnet in with allowFromCidr(subnet.cidr, …)`,
      );
    if (other.#letIn.has(this))
      throw new Error(
        `${this.node.path} and ${other.node.path} let each other in, and neither could be created first; use allowFromCidr for one direction`,
      );
    this.#letIn.add(other);
    this.addRule(`from-${nameOf(other)}-${packets.word}`.slice(-63).replace(/^[^a-z]+/, ""), {
      direction: "ingress",
      remoteGroupId: other.securityGroupId,
      ...matching(packets),
    });
  }
}
