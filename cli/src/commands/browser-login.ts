// A login in a browser, at the org's identity provider or on the cloud's own page, where passkeys work: on this machine, from which it comes back to a
// port of the loopback (RFC 8252), or on another one, into which a person types a code (RFC 8628). The command is told no password.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { PhotonCloud } from "@photoncloud/sdk";
import type { Io } from "../io.ts";
import { UsageError } from "../usage-error.ts";

export interface LoginTarget {
  readonly endpoint: string;
  readonly org: string;
  readonly project: string;
  /** "": the cloud's own page. */
  readonly provider: string;
  /** Who it will be; "" where the browser asks. */
  readonly user: string;
  readonly ca: string | undefined;
}

/** What a context keeps of a login. */
export interface LoggedIn {
  readonly principal: string;
  readonly token: string;
  readonly expireTime: string;
  readonly refreshToken: string;
  /** The session can do nothing but enrol a second factor. */
  readonly mustEnroll: boolean;
}

const clientId = "photon-cli";
const grants = { code: "authorization_code", device: "urn:ietf:params:oauth:grant-type:device_code" };
/** As long as the cloud keeps a login that was begun. Milliseconds. */
const patienceMs = 10 * 60_000;
const callbackPath = "/callback";

type Json = Readonly<Record<string, unknown>>;

/** By a browser on this machine. */
export async function loginByBrowser(target: LoginTarget, io: Io, opens: boolean): Promise<LoggedIn> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const address = server.address();
    const redirectUri = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}${callbackPath}`;
    const [state, verifier] = [secret(), secret()];
    const url = authorizeUrl(target, { redirectUri, state, verifier });
    io.err(`log in at ${url}\n`);
    if (opens) openBrowser(url, io);
    const code = await codeFrom(server, state, io.signal);
    const form = {
      grant_type: grants.code,
      client_id: clientId,
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    };
    return await loggedIn(target, await askForTokens(target, form, io.signal));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function authorizeUrl(
  { endpoint, org, project, provider, user }: LoginTarget,
  { redirectUri, state, verifier }: { readonly redirectUri: string; readonly state: string; readonly verifier: string },
): string {
  const query = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    org_id: org,
    project_id: project,
    provider_id: provider,
    ...(user !== "" && { login_hint: user }),
  });
  return `${endpoint.replace(/\/+$/, "")}/oauth2/authorize?${query}`;
}

/** Waits for the browser to come back. What does not carry our state is somebody else's and is not answered to. */
async function codeFrom(server: Server, state: string, stop: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  server.on("request", (request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const isOurs = url.pathname === callbackPath && url.searchParams.get("state") === state;
    response.writeHead(isOurs ? 200 : 404, { "content-type": "text/plain; charset=utf-8", connection: "close" });
    response.end(isOurs ? "You can close this page and go back to the terminal.\n" : "not found\n");
    if (!isOurs) return;
    const code = url.searchParams.get("code");
    if (code !== null) resolve(code);
    else
      reject(
        new UsageError(
          `the login failed: ${plainText(url.searchParams.get("error_description") ?? "no reason was given")}`,
        ),
      );
  });
  const late = AbortSignal.any([stop, AbortSignal.timeout(patienceMs)]);
  late.addEventListener(
    "abort",
    () => reject(new UsageError("nobody came back from the browser: the login was given up")),
    { once: true },
  );
  return promise;
}

/** By a browser on any other machine. */
export async function loginByDevice(target: LoginTarget, io: Io): Promise<LoggedIn> {
  const { org, project, provider } = target;
  const asked = { client_id: clientId, org_id: org, project_id: project, provider_id: provider };
  const begun = await post(target, "/oauth2/device_authorization", asked, io.signal);
  if (begun.error !== undefined) throw failed(begun);
  io.err(`open ${begun.verification_uri} in a browser and type the code ${begun.user_code}\n`);
  const form = { grant_type: grants.device, client_id: clientId, device_code: String(begun.device_code) };
  for (let seconds = Number(begun.interval ?? 5); ; ) {
    await sleep(seconds * 1000, undefined, { signal: io.signal });
    const answer = await post(target, "/oauth2/token", form, io.signal);
    if (answer.error === undefined) return loggedIn(target, answer);
    if (answer.error === "slow_down") seconds += 5;
    else if (answer.error !== "authorization_pending") throw failed(answer);
  }
}

async function askForTokens(
  target: LoginTarget,
  form: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Json> {
  const answer = await post(target, "/oauth2/token", form, signal);
  if (answer.error !== undefined) throw failed(answer);
  return answer;
}

async function loggedIn({ endpoint, ca }: LoginTarget, answer: Json): Promise<LoggedIn> {
  const token = String(answer.access_token);
  const { principal } = await new PhotonCloud({ endpoint, ca, credentials: { token } }).tokens.whoAmI({});
  const expireTime = new Date(Date.now() + Number(answer.expires_in ?? 0) * 1000).toISOString();
  const refreshToken = String(answer.refresh_token ?? "");
  return { principal: principal?.id ?? "", token, expireTime, refreshToken, mustEnroll: answer.must_enroll === true };
}

/** A form to one of the cloud's OAuth endpoints; a refusal is an answer, too. */
async function post(
  { endpoint, ca }: LoginTarget,
  path: string,
  form: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Json> {
  const { http } = new PhotonCloud({ endpoint, ca });
  const answer = await http.post<unknown>(path, new URLSearchParams(form), { signal, validateStatus: () => true });
  if (typeof answer.data === "object" && answer.data !== null) return { ...answer.data };
  throw new UsageError(`${endpoint}${path} answers ${answer.status} and nothing that can be read`);
}

function failed({ error, error_description: why }: Json): UsageError {
  return new UsageError(`the login failed: ${plainText(String(why ?? error))}`);
}

/** What came over the network and is printed to a terminal. */
function plainText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 500);
}

function secret(): string {
  return randomBytes(32).toString("base64url");
}

/** The system's own way; where there is none, the address was printed. */
export function openBrowser(url: string, { env }: Pick<Io, "env">): void {
  const command = process.platform === "darwin" ? "open" : "xdg-open";
  const child = spawn(command, [url], { env, stdio: "ignore", detached: true });
  child.on("error", () => undefined);
  child.unref();
}
