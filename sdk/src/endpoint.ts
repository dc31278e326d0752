// Where a client calls, and as whom its requests introduce it.
import { PhotonError } from "./errors.ts";

/** The SDK's version, as the User-Agent header says it. */
export const version = "0.1.0";

/** An endpoint without a slash at its end. @throws PhotonError invalid_argument when it is no http or https URL. */
export function checkedEndpoint(endpoint: unknown): string {
  if (typeof endpoint === "string" && /^https?:\/\/[^/]/.test(endpoint) && URL.canParse(endpoint))
    return endpoint.replace(/\/+$/, "");
  const message = `endpoint: ${JSON.stringify(endpoint)} was given; an http or https URL is wanted, like "https://cloud.example:50080"`;
  throw new PhotonError("invalid_argument", message);
}

/** The User-Agent header: what the program says of itself, then the SDK. */
export const userAgentOf = (given: string | undefined): string =>
  [given, `photoncloud-sdk/${version}`].filter(Boolean).join(" ");
