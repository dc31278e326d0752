// photon network check: compares the network backend with what is stored.
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { printData } from "../output.ts";
import { addCommonOptions, type CommonOptions, openSession } from "../session.ts";
import { tableText } from "../table.ts";

interface Finding {
  readonly type: string;
  readonly id: string;
  readonly detail: string;
}

const headings = ["FINDING", "TYPE", "ID", "DETAIL"];

function rowsOf(finding: string, findings: readonly Finding[], total: bigint): string[][] {
  const more = Number(total) - findings.length;
  const rows = findings.map(({ type, id, detail }) => [finding, type, id, detail]);
  return more > 0 ? [...rows, [finding, "", "", `and ${more} more`]] : rows;
}

async function check(options: CommonOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  const answer = await session.cloud.networks.check({}, session.call);
  if (session.format !== "table") return printData(io, session.format, answer);
  const { backend, objects, drifted, strays, foreign } = answer;
  const rows = [
    ...rowsOf("repairing", drifted, answer.driftedTotal),
    ...rowsOf("stray", strays, answer.straysTotal),
    ...rowsOf("foreign", foreign, answer.foreignTotal),
  ];
  if (rows.length > 0) io.out(`${tableText(headings, rows)}\n`);
  const counts = `${answer.driftedTotal} being repaired, ${answer.straysTotal} strays removed, ${answer.foreignTotal} of others left alone`;
  io.out(`${backend}: ${objects} objects compared; ${counts}\n`);
}

export function addNetworkCommand(program: Command, io: Io): void {
  const network = program.command("network").description("the network as a whole, for those who operate it");
  addCommonOptions(
    network.command("check").description("compares the backend with what is stored, and has differences repaired"),
  ).action((options: CommonOptions) => check(options, io));
}
