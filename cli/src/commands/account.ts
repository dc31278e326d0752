// photon password, photon session, photon token: one's own account, and the sessions of others.
import type { Session as LoginSession } from "@photoncloud/sdk";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { printData } from "../output.ts";
import { textOf } from "../plain.ts";
import { addCommonOptions, type CommonOptions, openSession } from "../session.ts";
import { tableText } from "../table.ts";
import { UsageError } from "../usage-error.ts";
import { currentContext, keepContext, keptSession } from "./keep-session.ts";

const headings = ["ID", "METHOD", "FROM", "CREATED", "EXPIRES", "MFA", "LIMITS", ""];

function cells({ id, method, sourceIp, createTime, expireTime, secondFactorTime, limits, current }: LoginSession) {
  const narrowed = limits.map(
    ({ actions, resource }) => `${actions.join(",")}${resource === "" ? "" : ` ${resource}`}`,
  );
  const mfa = secondFactorTime === undefined ? "no" : "yes";
  const times = [textOf(createTime), textOf(expireTime)];
  return [id, method, sourceIp, ...times, mfa, narrowed.join("; "), current ? "this one" : ""];
}

interface Named extends CommonOptions {
  readonly principal?: string;
}

/** Whose sessions: of a principal of the org. */
function named(
  options: Named,
  session: { readonly cloud: unknown; readonly tenant: { readonly org?: string | undefined } },
  io: Io,
) {
  const orgId = session.tenant.org ?? currentContext(io, options.context)?.context.org ?? io.env.PHOTON_ORG ?? "";
  return { orgId, principalId: options.principal ?? "" };
}

async function listSessions(options: Named, io: Io): Promise<void> {
  const session = openSession(io, options);
  const { tokens } = session.cloud;
  const answer =
    options.principal === undefined
      ? await tokens.listSessions({}, session.call)
      : await tokens.listPrincipalSessions(named(options, session, io), session.call);
  if (session.format !== "table") return printData(io, session.format, answer);
  io.out(tableText(headings, answer.sessions.map(cells)));
}

async function revokeSession(
  id: string | undefined,
  options: Named & { readonly all?: boolean },
  io: Io,
): Promise<void> {
  const session = openSession(io, options);
  if ((id === undefined) === (options.all !== true)) throw new UsageError("give a session's id, or --all");
  if (options.principal === undefined) {
    if (id === undefined)
      throw new UsageError("--all needs --principal; to end your own: photon session list, and each by its id");
    await session.cloud.tokens.revoke({ sessionId: id }, session.call);
    return io.err(`ended ${id}\n`);
  }
  const request = { ...named(options, session, io), sessionId: id ?? "" };
  const { revoked } = await session.cloud.tokens.revokeSessions(request, session.call);
  io.err(`ended ${revoked} ${revoked === 1 ? "session" : "sessions"}\n`);
}

async function askSecret(io: Io, question: string, variable: string): Promise<string> {
  const given = io.env[variable] ?? (await io.ask?.(question)) ?? "";
  if (given !== "") return given;
  throw new UsageError(`missing: type it, or set ${variable}`);
}

async function changePassword(options: CommonOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  const oldPassword = await askSecret(io, "Your password: ", "PHOTON_PASSWORD");
  const newPassword = await askSecret(io, "The new one: ", "PHOTON_NEW_PASSWORD");
  const answer = await session.cloud.account.changePassword({ oldPassword, newPassword }, session.call);
  const current = currentContext(io, options.context);
  if (current !== undefined) keepContext(current.name, { ...current.context, ...keptSession(answer) }, io);
  io.err("changed; your other sessions have ended\n");
}

interface Narrow extends CommonOptions {
  readonly action?: readonly string[];
  readonly resource?: string;
  readonly ttl?: string;
}

async function narrow(options: Narrow, io: Io): Promise<void> {
  const session = openSession(io, options);
  const { action: actions = [], resource = "", ttl } = options;
  const seconds = ttl === undefined ? {} : { ttlSeconds: Number(ttl.replace(/s$/, "")) };
  if (Number.isNaN(seconds.ttlSeconds)) throw new UsageError(`--ttl: ${ttl} was given; a number of seconds is wanted`);
  const answer = await session.cloud.tokens.attenuate({ actions: [...actions], resource, ...seconds }, session.call);
  if (session.format !== "table") return printData(io, session.format, answer);
  io.out(`${answer.token}\n`);
  io.err(`good until ${textOf(answer.expireTime)}; use it as PHOTON_TOKEN\n`);
}

export function addAccountCommands(program: Command, io: Io): void {
  addCommonOptions(
    program.command("password").description("changes your password, and ends your other sessions"),
  ).action((options: CommonOptions) => changePassword(options, io));
  const sessions = program.command("session").description("logins that have not ended");
  const principal = ["--principal <id>", "of a user or service account of the org, in place of your own"] as const;
  addCommonOptions(
    sessions
      .command("list")
      .description("lists them")
      .option(...principal),
  ).action((options: Named) => listSessions(options, io));
  addCommonOptions(
    sessions
      .command("revoke [id]")
      .description("ends one, or with --all all")
      .option(...principal)
      .option("--all", "all of them"),
  ).action((id: string | undefined, options: Named) => revokeSession(id, options, io));
  const token = program.command("token").description("tokens of your session");
  addCommonOptions(
    token
      .command("narrow")
      .description("prints a token that may do less than yours, for less long")
      .option("--action <pattern...>", 'actions that it may do: "compute:vms:get"')
      .option("--resource <pattern>", 'a resource that it may do it with: "org/acme/project/alpha/vm/vm-1"')
      .option("--ttl <seconds>", "how long it lives; default 900, at most 3600"),
  ).action((options: Narrow) => narrow(options, io));
}
