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

/** Logs in; asks for a code where there is a second factor. */
export async function issueWithFactor(
  cloud: PhotonCloud,
  request: IssueTokenRequest,
  io: Io,
): Promise<IssueTokenResponse> {
  try {
    return await cloud.tokens.issue(request, { signal: io.signal });
  } catch (error) {
    if (!isPhotonError(error) || error.reason !== "SECOND_FACTOR_REQUIRED") throw error;
    return cloud.tokens.issue({ ...request, code: await askCode(io) }, { signal: io.signal });
  }
}
