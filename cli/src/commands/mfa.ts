// photon mfa: the second factors of one's own account. A passkey is made in a browser.
import type { Factor } from "@photoncloud/sdk";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { printData } from "../output.ts";
import { textOf } from "../plain.ts";
import { addCommonOptions, type CommonOptions, openSession, type Session } from "../session.ts";
import { tableText } from "../table.ts";
import { openBrowser } from "./browser-login.ts";
import { askCode } from "./second-factor.ts";

const headings = ["ID", "KIND", "NAME", "CREATED", "LAST USED"];

function cells({ id, kind, name, createTime, lastUsedTime }: Factor): string[] {
  return [id, kind, name, textOf(createTime), textOf(lastUsedTime)];
}

async function list(options: CommonOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  const answer = await session.cloud.account.listFactors({}, session.call);
  if (session.format !== "table") return printData(io, session.format, answer);
  io.out(tableText(headings, answer.factors.map(cells)));
  if (answer.factors.length > 0) io.err(`${answer.recoveryCodesLeft} recovery codes left\n`);
}

function showCodes(io: Io, codes: readonly string[]): void {
  if (codes.length === 0) return;
  io.out(`${codes.join("\n")}\n`);
  io.err("these are your recovery codes: each is good once, and they are not shown again; keep them elsewhere\n");
}

async function confirm(session: Session, factorId: string, code: string, io: Io): Promise<void> {
  const { recoveryCodes } = await session.cloud.account.confirmTotp({ factorId, code }, session.call);
  io.err("enrolled: from now on a login asks for a code\n");
  showCodes(io, recoveryCodes);
}

interface EnrollOptions extends CommonOptions {
  readonly name?: string;
  readonly passkey?: boolean;
  readonly browser?: boolean;
}

/** The browser asks who it is itself: a command's session must not be enough for another factor. */
async function enrollPasskey({ reach, cloud, call }: Session, options: EnrollOptions, io: Io): Promise<void> {
  const { principal } = await cloud.tokens.whoAmI({}, call);
  const query = new URLSearchParams({
    org_id: principal?.orgId ?? "",
    login_hint: principal?.id ?? "",
    name: options.name ?? "",
  });
  const url = `${reach.endpoint.replace(/\/+$/, "")}/oauth2/passkey?${query}`;
  io.err(`make a passkey at ${url}\n`);
  if (options.browser !== false) openBrowser(url, io);
}

async function enroll(options: EnrollOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  if (options.passkey === true) return enrollPasskey(session, options, io);
  const begun = await session.cloud.account.enrollTotp({ name: options.name ?? "" }, session.call);
  if (io.ask === undefined || session.format !== "table") {
    if (session.format !== "table") return printData(io, session.format, begun);
    io.out(`${begun.uri}\n`);
    return io.err(`add it to an authenticator app, then: photon mfa confirm ${begun.factorId}\n`);
  }
  io.err(`add this to an authenticator app, by hand or as a QR code:\n  ${begun.secret}\n  ${begun.uri}\n`);
  await confirm(session, begun.factorId, await askCode(io, "Code that the app shows: "), io);
}

async function confirmLater(id: string, options: CommonOptions, io: Io): Promise<void> {
  await confirm(openSession(io, options), id, await askCode(io, "Code that the app shows: "), io);
}

async function prove(options: CommonOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  const { freshUntil } = await session.cloud.account.proveSecondFactor({ code: await askCode(io) }, session.call);
  io.err(`proved; counts as fresh until ${textOf(freshUntil)}\n`);
}

async function remove(id: string, options: CommonOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  await session.cloud.account.removeFactor({ factorId: id }, session.call);
  io.err(`removed ${id}\n`);
}

async function recoveryCodes(options: CommonOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  const answer = await session.cloud.account.renewRecoveryCodes({}, session.call);
  if (session.format !== "table") return printData(io, session.format, answer);
  showCodes(io, answer.recoveryCodes);
}

export function addMfaCommand(program: Command, io: Io): void {
  const mfa = program.command("mfa").description("the second factors of your account");
  const verb = (words: string, description: string) => addCommonOptions(mfa.command(words).description(description));
  verb("list", "lists them").action((options: CommonOptions) => list(options, io));
  verb("enroll", "enrolls an authenticator app; the first one brings recovery codes")
    .option("--name <name>", 'a name for people: "my phone"')
    .option("--passkey", "make a passkey in a browser instead, which asks who you are")
    .option("--no-browser", "with --passkey: print the address and open nothing")
    .action((options: EnrollOptions) => enroll(options, io));
  verb(
    "confirm <id>",
    "confirms an app that was enrolled without a terminal; the code comes from PHOTON_MFA_CODE",
  ).action((id: string, options: CommonOptions) => confirmLater(id, options, io));
  verb("prove", "proves a factor again: what needs a fresh proof is then open for ten minutes").action(
    (options: CommonOptions) => prove(options, io),
  );
  verb("remove <id>", "removes one; needs a fresh proof").action((id: string, options: CommonOptions) =>
    remove(id, options, io),
  );
  verb("recovery-codes", "draws new recovery codes, and forgets the old ones; needs a fresh proof").action(
    (options: CommonOptions) => recoveryCodes(options, io),
  );
}
