// Follows the steps of a trace through our objects, up to where the packet arrives or is dropped.
import type { Hop, Packet, Reach } from "../../driver.ts";
import { idIn } from "../marks.ts";
import type { Row } from "../ovsdb/database.ts";
import {
  datapathOf,
  hopOf,
  type Known,
  type Marked,
  natOf,
  policyOf,
  routeOf,
  routerPortOf,
  ruleOf,
  switchPortOf,
} from "./known.ts";
import type { TraceStep } from "./parse.ts";

type Flow = Extract<TraceStep, { step: "flow" }>;
type Pipeline = Extract<TraceStep, { step: "pipeline" }>;

/** What became of it; undefined: it goes on. */
type End = Pick<Reach, "reached" | "because"> | undefined;

/** @param from The sending port. */
export function pathOf(known: Known, packet: Packet, from: Marked, steps: readonly TraceStep[]): Reach {
  const path = new Path(known, packet, from);
  for (const step of steps) {
    const end = path.take(step);
    if (end !== undefined) return { ...end, hops: path.hops };
  }
  return { reached: false, because: `it gets no further than ${path.place}`, hops: path.hops };
}

class Path {
  readonly hops: Hop[];
  readonly #known: Known;
  readonly #packet: Packet;
  /** The switch or router that it is in. */
  #at: Marked | undefined;
  #pipeline: Pipeline | undefined;
  /** The way out of a router that it was sent to. */
  #outport = "";
  /** What let it pass the last filter. */
  #allowed = "every filter on the way allows it";

  constructor(known: Known, packet: Packet, from: Marked) {
    this.#known = known;
    this.#packet = packet;
    this.hops = [hopOf(from, "it sends the packet")];
  }

  /** The last of our objects that it came to. */
  get place(): string {
    return this.hops.at(-1)?.id ?? "";
  }

  take(step: TraceStep): End {
    switch (step.step) {
      case "pipeline":
        return this.#enter(step);
      case "flow":
        return this.#flow(step);
      case "miss":
        return this.#dropped(`no flow of ${step.table} takes it`);
      case "output":
        return this.#output(step.port, step.type);
      case "other":
        return this.#other(step.name);
    }
  }

  #enter(pipeline: Pipeline): End {
    this.#pipeline = pipeline;
    const at = datapathOf(this.#known, pipeline.datapath);
    if (at !== undefined && at.id !== this.#at?.id) this.hops.push(hopOf(at, entered[at.type] ?? "it passes"));
    this.#at = at;
    return undefined;
  }

  #flow(flow: Flow): End {
    const { table, actions } = flow;
    for (const action of actions) if (action.startsWith("outport = ")) this.#outport = action.slice(11, -1);
    if (/^ls_(in|out)_acl(_eval|_after_lb_eval|_after_lb)?$/.test(table)) return this.#filter(flow);
    if (/^lr_in_ip_routing$/.test(table)) return this.#route(flow);
    if (table === "lr_in_ip_input" && actions.some((action) => action.includes("<->"))) return this.#answered();
    if (table === "lr_in_policy" && actions.includes("drop")) return this.#barred(flow);
    if (/^lr_(in_dnat|in_unsnat|out_snat)$/.test(table)) this.#translate(flow);
    return actions.includes("drop") ? this.#dropped(this.#otherRefusal(table)) : undefined;
  }

  #filter({ match, actions }: Flow): End {
    const rule = ruleOf(this.#known, match);
    if (actions.includes("drop")) return this.#dropped(this.#refusal());
    // What no filter of the tenant's own allows (metadata, a port without groups) is no stop on the way.
    if (rule?.type !== "filter") return undefined;
    const because =
      rule.rule === ""
        ? `${rule.id} has no egress rule, so it lets everything out`
        : `rule ${rule.rule} of ${rule.id} allows it`;
    this.#allowed = because;
    this.hops.push(hopOf(rule, rule.rule === "" ? "it lets everything out" : `rule ${rule.rule} allows it`));
    return undefined;
  }

  /** In the simulated network's words. */
  #refusal(): string {
    const { direction, inport, outport } = this.#pipeline ?? { direction: "ingress", inport: "", outport: "" };
    return direction === "egress" ? `no ingress rule of ${outport} allows it` : `no egress rule of ${inport} allows it`;
  }

  #otherRefusal(table: string): string {
    const { inport, outport } = this.#pipeline ?? { inport: "", outport: "" };
    if (table.startsWith("ls_in_") && table.endsWith("port_sec"))
      return `${inport} may send from its own addresses alone`;
    if (table.startsWith("ls_out_") && table.endsWith("port_sec"))
      return `${outport} takes packets to its own addresses alone, since it does not forward`;
    if (table === "lr_in_ip_input") return `the router of ${this.#at?.id} takes no such packets itself`;
    return `${table} of ${this.#at?.id ?? "the network"} drops it`;
  }

  #route({ match, actions }: Flow): End {
    const vpcId = this.#at?.id ?? "";
    const route = routeOf(this.#known, vpcId, match, actions);
    const drops = actions.includes("drop");
    if (route?.type === "route" || route?.type === "peering")
      this.hops.push(hopOf(route, drops ? "it drops the packet" : `it sends the packet to ${route.row.nexthop}`));
    if (!drops) return undefined;
    return this.#dropped(
      route === undefined ? `${vpcId} has no route to ${this.#packet.toIp}` : `route ${route.id} drops it`,
    );
  }

  #answered(): End {
    return { reached: true, because: `the router of ${this.#at?.id} answers it` };
  }

  #barred({ match }: Flow): End {
    const policy = policyOf(this.#known, this.#at?.id ?? "", match);
    if (policy?.type !== "peering") return this.#dropped(`a policy of ${this.#at?.id} drops it`);
    this.hops.push(hopOf(policy, "it drops the packet: its source is not of the peer's networks"));
    return this.#dropped(`peering ${policy.id} takes nothing from that source`);
  }

  #translate({ match, actions }: Flow): void {
    const nat = natOf(this.#known, this.#at?.id ?? "", ({ type, external_ip, logical_ip }) => {
      const out = actions.some(
        (action) =>
          action === `ct_snat(${external_ip})` ||
          (/^ip[46]\.src = /.test(action) && action.endsWith(` ${external_ip}`)),
      );
      const source = out && match.includes(`.src == ${logical_ip} `);
      const target = type === "dnat_and_snat" && `${match} `.includes(`.dst == ${external_ip} `);
      return source || target;
    });
    if (nat !== undefined) this.#translated(nat, /\bip[46]\.dst == /.test(match));
  }

  #translated(nat: Marked, inwards: boolean): void {
    const { external_ip, logical_ip } = nat.row;
    const action = inwards ? `it makes the target ${logical_ip}` : `it makes the source ${external_ip}`;
    if (this.hops.at(-1)?.action !== action) this.hops.push(hopOf(nat, action));
  }

  #output(port: string, type: string): End {
    if (type === "patch") return undefined;
    if (type === "localnet") return this.#left();
    const subnetId = this.#at?.id ?? "";
    const to = switchPortOf(this.#known, "photon:subnet", subnetId, port);
    if (to?.type === "port") this.hops.push(hopOf(to, "it takes the packet"));
    const because = type === "localport" ? `the cloud's own services answer in ${subnetId}` : this.#allowed;
    return { reached: true, because };
  }

  #other(name: string): End {
    if (name === "arp" || name === "nd_ns") return this.#asked();
    // A switch without a port for the MAC: on an external network it is the wire's.
    if (name === "multicast" && this.#at?.type === "external-network") return this.#left();
    if (name === "multicast")
      return this.#dropped(`no port of ${this.#at?.vpcId} has the address ${this.#packet.toIp}`);
    return this.#dropped(`the router of ${this.#at?.id} refuses it`);
  }

  /** The router asks who has the next hop's address. Beyond the cloud's edge somebody may; in a subnet nobody has it. */
  #asked(): End {
    const vpcId = this.#at?.id ?? "";
    const port = routerPortOf(this.#known, vpcId, this.#outport.replace(/^cr-/, ""));
    if (port?.type !== "gateway") return this.#dropped(`no port of ${vpcId} has the address ${this.#packet.toIp}`);
    this.#disguise(vpcId);
    const [, outside] = /external-network\/(\S+)/.exec(idIn(port.row, "photon:on") ?? "") ?? [];
    if (outside !== undefined)
      this.hops.push({ type: "external-network", id: outside, owner: "", action: "it carries the packet out" });
    return this.#left();
  }

  /** The source that it leaves with, which the trace does not come to where it waits for the next hop. */
  #disguise(vpcId: string): void {
    const from = this.#known.rowsWith("Logical_Switch_Port", "photon:id", this.#packet.fromPortId)[0]?.row;
    const own = from?.addresses instanceof Set ? [...from.addresses].join(" ").split(" ") : [];
    const elastic = natOf(
      this.#known,
      vpcId,
      (row) =>
        row.type === "dnat_and_snat" && isOfFamily(row, this.#packet.toIp) && own.includes(String(row.logical_ip)),
    );
    const nat =
      elastic ?? natOf(this.#known, vpcId, (row) => row.type === "snat" && isOfFamily(row, this.#packet.toIp));
    if (nat !== undefined) this.#translated(nat, false);
  }

  #left(): End {
    return { reached: true, because: "it leaves the cloud by its VPC's gateway" };
  }

  #dropped(because: string): End {
    return { reached: false, because };
  }
}

/** Whether a translation is of an address's family. */
function isOfFamily({ external_ip }: Row, address: string): boolean {
  return String(external_ip).includes(":") === address.includes(":");
}

const entered: Partial<Record<Hop["type"], string>> = {
  router: "its router passes the packet on",
  switch: "it carries the packet",
  "external-network": "it carries the packet out",
};
