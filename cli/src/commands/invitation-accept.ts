// photon invitation preview | accept: what a person does with an invitation, without a login.

import { readFileSync } from "node:fs";
import { PhotonCloud } from "@photoncloud/sdk";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly endpoint?: string;
  readonly caFile?: string;
  readonly user?: string;
  readonly name?: string;
}

function cloudOf({ endpoint, caFile }: Options, { env }: Io): PhotonCloud {
  const url = endpoint ?? env.PHOTON_ENDPOINT;
  if (url === undefined) throw new UsageError("missing: --endpoint (or set PHOTON_ENDPOINT)");
  const file = caFile ?? env.PHOTON_CA_FILE;
  return new PhotonCloud({ endpoint: url, ca: file === undefined ? undefined : readFileSync(file, "utf8") });
}

/** From the terminal, a variable, or standard input: a token on the command line would stand in the list of processes. */
async function secretOf(io: Io, question: string, variable: string): Promise<string> {
  const given = io.env[variable] ?? (await (io.ask?.(question) ?? io.readStdin()));
  const text = given.trim();
  if (text !== "") return text;
  throw new UsageError(`missing: type it, or set ${variable}`);
}

async function preview(options: Options, io: Io): Promise<void> {
  const token = await secretOf(io, "The invitation: ", "PHOTON_INVITATION");
  const shown = await cloudOf(options, io).orgJoining.previewInvitation({ token }, { signal: io.signal });
  const roles = shown.roles.map(({ roleId, projectId }) => `${roleId} in ${projectId === "" ? "the org" : projectId}`);
  io.out(`${shown.invitedBy} invites you to ${shown.orgName} (${shown.orgId})\n`);
  if (roles.length > 0) io.out(`roles: ${roles.join(", ")}\n`);
  if (shown.groupIds.length > 0) io.out(`groups: ${shown.groupIds.join(", ")}\n`);
  io.out(`until: ${shown.expireTime?.toISOString() ?? ""}\n`);
  io.out(`a password has at least ${shown.minPasswordLength} characters\n`);
}

async function accept(options: Options, io: Io): Promise<void> {
  const token = await secretOf(io, "The invitation: ", "PHOTON_INVITATION");
  const password = await secretOf(io, "A password of your own: ", "PHOTON_PASSWORD");
  const request = { token, password, userId: options.user ?? "", name: options.name ?? "" };
  const { orgId, userId } = await cloudOf(options, io).orgJoining.acceptInvitation(request, { signal: io.signal });
  io.err(`you are ${userId} of ${orgId}; now: photon login --org ${orgId} --principal ${userId}\n`);
}

export function addInvitationVerbs(command: Command, io: Io): void {
  const verb = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .option("--endpoint <url>", "the server's address")
      .option("--ca-file <file>", "the authority to trust, in PEM");
  verb("preview", "tells who invites to what; the token comes from the terminal or PHOTON_INVITATION").action(
    (options: Options) => preview(options, io),
  );
  verb(
    "accept",
    "makes your user; the token and the password come from the terminal, PHOTON_INVITATION and PHOTON_PASSWORD",
  )
    .option("--user <id>", "the id to have, where the invitation leaves it to you")
    .option("--name <name>", "your name")
    .action((options: Options) => accept(options, io));
}
