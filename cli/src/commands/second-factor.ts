// Asks for the second factor where a login wants one.
import { type IssueTokenRequest, type IssueTokenResponse, isPhotonError, type PhotonCloud } from "@photoncloud/sdk";
import type { Io } from "../io.ts";
import { UsageError } from "../usage-error.ts";

/** A code from PHOTON_MFA_CODE or the terminal: six digits, or a recovery code. */
export async function askCode(
  io: Io,
  question = "Code of your authenticator app, or a recovery code: ",
): Promise<string> {
  const given = io.env.PHOTON_MFA_CODE ?? (await io.ask?.(question)) ?? "";
  const code = given.trim();
  if (code !== "") return code;
  throw new UsageError("a code of your second factor is needed: type it, or set PHOTON_MFA_CODE");
}

/** Logs in; asks for a code where there is a second factor. Undefined: the person has a passkey and wants to use it, which takes a browser. */
export async function issueWithFactor(
  cloud: PhotonCloud,
  request: IssueTokenRequest,
  io: Io,
): Promise<IssueTokenResponse | undefined> {
  try {
    return await cloud.tokens.issue(request, { signal: io.signal });
  } catch (error) {
    if (!isPhotonError(error) || error.reason !== "SECOND_FACTOR_REQUIRED") throw error;
    const code = (await hasPasskey(cloud, request, io)) ? await askCodeOrNone(io) : await askCode(io);
    return code === "" ? undefined : cloud.tokens.issue({ ...request, code }, { signal: io.signal });
  }
}

async function hasPasskey(cloud: PhotonCloud, request: IssueTokenRequest, io: Io): Promise<boolean> {
  if (io.env.PHOTON_MFA_CODE !== undefined || request.password === undefined) return false;
  const { orgId, principalId, password } = request;
  const { kinds } = await cloud.account.startSecondFactor({ orgId, principalId, password }, { signal: io.signal });
  return kinds.includes("passkey");
}

async function askCodeOrNone(io: Io): Promise<string> {
  if (io.ask === undefined)
    throw new UsageError(
      "the second factor is a passkey: log in with photon login --web, or set PHOTON_MFA_CODE to a recovery code",
    );
  return (await io.ask("Code or recovery code, or nothing to use your passkey in a browser: ")).trim();
}
