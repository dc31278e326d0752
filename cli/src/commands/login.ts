// photon login: exchanges a password, a key or a login in a browser for a session, and keeps the session (never the secret) as a context.
import { readFileSync } from "node:fs";
import { PhotonCloud } from "@photoncloud/sdk";
import type { Context } from "@photoncloud/sdk/contexts";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { UsageError } from "../usage-error.ts";
import { loginByBrowser, loginByDevice } from "./browser-login.ts";
import { keepContext, keptSession } from "./keep-session.ts";
import { issueWithFactor } from "./second-factor.ts";

interface LoginOptions {
  readonly endpoint?: string;
  readonly org?: string;
  readonly project?: string;
  readonly principal?: string;
  readonly principalOrg?: string;
  readonly caFile?: string;
  readonly adminFile?: string;
  readonly context: string;
  readonly provider?: string;
  readonly web?: boolean;
  readonly device?: boolean;
  readonly browser?: boolean;
}

interface Target {
  readonly endpoint: string;
  readonly org: string;
  readonly project: string;
  readonly principal: string;
  readonly principalOrg: string;
  readonly ca: string | undefined;
  readonly secret: string | undefined;
}

/** What keys' secrets begin with; a password may not be taken for one, since the cloud draws them. */
const keyPrefix = "pck_";

function adminFile(path: string): Record<string, string> {
  const file: unknown = JSON.parse(readFileSync(path, "utf8"));
  const entries = Object.entries(typeof file === "object" && file !== null ? file : {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function needed(value: string | undefined, flag: string, variable: string): string {
  if (value !== undefined && value !== "") return value;
  throw new UsageError(`missing: ${flag} (or set ${variable})`);
}

/** Flags win over the administrator's file, and that over variables. */
function targetOf(options: LoginOptions, env: Io["env"]): Target {
  const file = options.adminFile === undefined ? {} : adminFile(options.adminFile);
  const caFile = options.caFile ?? file.ca_file ?? env.PHOTON_CA_FILE;
  const principalOrg = options.principalOrg ?? file.org_id ?? env.PHOTON_PRINCIPAL_ORG;
  const org = options.org ?? file.org_id ?? env.PHOTON_ORG ?? "";
  return {
    endpoint: needed(options.endpoint ?? file.endpoint ?? env.PHOTON_ENDPOINT, "--endpoint", "PHOTON_ENDPOINT"),
    principal: options.principal ?? file.principal_id ?? env.PHOTON_PRINCIPAL ?? "",
    org,
    principalOrg: principalOrg ?? org,
    project: options.project ?? env.PHOTON_PROJECT ?? "",
    ca: caFile === undefined || caFile === "" ? undefined : readFileSync(caFile, "utf8"),
    secret: file.password ?? (env.PHOTON_KEY_SECRET || env.PHOTON_PASSWORD || undefined),
  };
}

async function secretOf({ secret, principal }: Pick<Target, "secret" | "principal">, io: Io): Promise<string> {
  const given = secret ?? (await (io.ask?.(`Password or key of ${principal}: `) ?? io.readStdin()));
  const text = given.replace(/\r?\n$/, "");
  if (text !== "") return text;
  throw new UsageError("no password: type it, pipe it to standard input, or set PHOTON_PASSWORD or PHOTON_KEY_SECRET");
}

/** By the org's identity provider, or on the cloud's own page: nothing secret passes through this command. */
async function loginInBrowser(options: LoginOptions, io: Io): Promise<void> {
  const { endpoint, org, principalOrg, project, principal, ca } = targetOf(options, io.env);
  // A provider vouches for the org's own people, in a project; a password opens all that they may do.
  const where =
    options.provider === undefined
      ? { org: needed(principalOrg, "--org", "PHOTON_ORG"), project: "", provider: "", user: principal }
      : { org: needed(org, "--org", "PHOTON_ORG"), project, provider: options.provider, user: "" };
  const target = { endpoint, ca, ...where };
  const session = await (options.device === true
    ? loginByDevice(target, io)
    : loginByBrowser(target, io, options.browser !== false));
  const { mustEnroll, ...kept } = session;
  keep(options.context, { endpoint, org, project, ...(ca !== undefined && { ca }), ...kept }, mustEnroll, io);
}

function keep(name: string, context: Context, mustEnroll: boolean, io: Io): void {
  keepContext(name, context, io);
  io.err(`logged in to ${context.endpoint} as ${context.principal}; context ${name}\n`);
  if (mustEnroll) io.err("your org wants a second factor; this session can do nothing but: photon mfa enroll\n");
}

async function login(options: LoginOptions, io: Io): Promise<void> {
  const takesBrowser = options.provider !== undefined || options.web === true || options.device === true;
  if (takesBrowser) return loginInBrowser(options, io);
  const target = targetOf(options, io.env);
  const { endpoint, org, project, ca } = target;
  const principal = needed(target.principal, "--principal", "PHOTON_PRINCIPAL");
  const secret = await secretOf(target, io);
  const credential = secret.startsWith(keyPrefix) ? { keySecret: secret } : { password: secret };
  const cloud = new PhotonCloud({ endpoint, org, ca });
  const request = { principalId: principal, orgId: target.principalOrg, ...credential };
  const session = await issueWithFactor(cloud, request, io);
  if (session === undefined) return loginInBrowser(options, io);
  const trust = ca === undefined ? {} : { ca };
  const context = { endpoint, org, project, principal, ...trust, ...keptSession(session) };
  keep(options.context, context, session.mustEnroll, io);
}

export function addLoginCommand(program: Command, io: Io): void {
  program
    .command("login")
    .description(
      "logs in and keeps the session; the password or key comes from the terminal, standard input, PHOTON_PASSWORD or PHOTON_KEY_SECRET",
    )
    .option("--endpoint <url>", "the server's address")
    .option("--org <id>", "the org to work in")
    .option("--project <id>", "the project to work in")
    .option("--principal <id>", "a user's or a service account's id")
    .option("--principal-org <id>", "the org that the principal belongs to; default: --org")
    .option("--ca-file <file>", "the authority to trust, in PEM")
    .option("--admin-file <file>", "the admin.json that a new server writes: endpoint, administrator and authority")
    .option("--provider <id>", "log in with the org's identity provider, in a browser")
    .option("--web", "type the password in a browser, where passkeys work")
    .option("--device", "show a code to type into a browser on another machine")
    .option("--no-browser", "with --provider or --web: print the address and open nothing")
    .option("--context <name>", "what to call it", "default")
    .action((options: LoginOptions) => login(options, io));
}
