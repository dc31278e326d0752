// Reads what `ovn-trace --detailed` prints (ovn-trace(8), "Detailed Output") as a list of steps. What it does not know it leaves out.

/** One thing that happens to the packet, in the order of the text. */
export type TraceStep =
  /** It enters a pipeline of a switch or router. */
  | {
      readonly step: "pipeline";
      readonly direction: "ingress" | "egress";
      /** The Northbound row's UUID, or its name. */
      readonly datapath: string;
      readonly inport: string;
      /** "" at the way in. */
      readonly outport: string;
    }
  /** A table's flow matches. */
  | {
      readonly step: "flow";
      /** "ls_in_acl", "lr_in_ip_routing". */
      readonly table: string;
      readonly match: string;
      readonly priority: number;
      /** Without their semicolons: "drop", "reg0 = 10.0.0.1". */
      readonly actions: readonly string[];
    }
  /** No flow of a table matches: it is dropped. */
  | { readonly step: "miss"; readonly table: string }
  /** It leaves by a port. Type: "" (a guest's), "patch", "localnet", "localport". */
  | { readonly step: "output"; readonly port: string; readonly type: string }
  /** Another packet is made of it, or it becomes many: "arp", "nd_ns", "icmp4", "tcp_reset", "multicast". */
  | { readonly step: "other"; readonly name: string };

const pipeline = /^(ingress|egress)\(dp="([^"]*)", inport="([^"]*)"(?:, outport="([^"]*)")?\)$/;
const flow = /^\d+\. (\w+)(?: \([^)]*\))?: (.*), priority (\d+)(?:, uuid [0-9a-f]+)?$/;
const miss = /^\d+\. (\w+)(?: \([^)]*\))?: no match/;
const output = /^\/\* output to "([^"]*)", type "([^"]*)"/;
const other =
  /^(arp|nd_ns|nd_na|icmp4|icmp6|icmp4_error|icmp6_error|tcp_reset|sctp_abort|reject|multicast)(?:\(.*\))?$/;

export function parseTrace(text: string): readonly TraceStep[] {
  const steps: TraceStep[] = [];
  let actions: string[] = [];
  for (const line of text.split("\n").map((raw) => raw.trim())) {
    const step = stepOf(line);
    if (step !== undefined) {
      actions = [];
      steps.push(step.step === "flow" ? { ...step, actions } : step);
    } else if (line.endsWith(";")) actions.push(line.slice(0, -1));
  }
  return steps;
}

function stepOf(line: string): TraceStep | undefined {
  return pipelineOf(line) ?? flowOf(line) ?? restOf(line);
}

function pipelineOf(line: string): TraceStep | undefined {
  const [, direction, datapath = "", inport = "", outport = ""] = pipeline.exec(line) ?? [];
  if (direction !== "ingress" && direction !== "egress") return undefined;
  return { step: "pipeline", direction, datapath, inport, outport };
}

function flowOf(line: string): TraceStep | undefined {
  const [, table, match = "", priority] = flow.exec(line) ?? [];
  if (table === undefined) return undefined;
  return { step: "flow", table, match, priority: Number(priority), actions: [] };
}

function restOf(line: string): TraceStep | undefined {
  const [, port, type = ""] = output.exec(line) ?? [];
  if (port !== undefined) return { step: "output", port, type };
  const table = miss.exec(line)?.[1];
  if (table !== undefined) return { step: "miss", table };
  const name = other.exec(line)?.[1];
  return name === undefined ? undefined : { step: "other", name };
}
