// Reads from the environment, or from the CLI's contexts, where the cloud is and who we are there.
import { readFileSync } from "node:fs";
import { contextOptions, contextsPath, readContexts } from "./contexts/index.ts";
import { PhotonError } from "./errors.ts";
import { readIdentityToken } from "./identity-token.ts";
import type { Credentials, PhotonCloudOptions } from "./options.ts";

type Environment = Readonly<Record<string, string | undefined>>;

function credentialsFrom(env: Environment): Credentials | undefined {
  const { PHOTON_TOKEN: token, PHOTON_PRINCIPAL: principalId } = env;
  if (token) return { token };
  if (!principalId) return undefined;
  const orgId = env.PHOTON_PRINCIPAL_ORG || undefined;
  if (env.PHOTON_KEY_SECRET) return { principalId, keySecret: env.PHOTON_KEY_SECRET, orgId };
  if (env.PHOTON_PASSWORD) return { principalId, password: env.PHOTON_PASSWORD, orgId };
  const { PHOTON_ID_TOKEN: given, PHOTON_ID_TOKEN_FILE: file, PHOTON_ID_TOKEN_COMMAND: command } = env;
  const identityToken = () => readIdentityToken({ token: given, file, command });
  if (given || file || command) return { principalId, identityToken, orgId };
  const message = `PHOTON_PRINCIPAL names ${principalId}, but neither PHOTON_KEY_SECRET nor PHOTON_PASSWORD is set, nor one of PHOTON_ID_TOKEN, PHOTON_ID_TOKEN_FILE and PHOTON_ID_TOKEN_COMMAND`;
  throw new PhotonError("invalid_argument", message);
}

function baseFrom(env: Environment): PhotonCloudOptions {
  if (env.PHOTON_ENDPOINT) {
    const ca = env.PHOTON_CA_FILE ? readFileSync(env.PHOTON_CA_FILE, "utf8") : undefined;
    return { endpoint: env.PHOTON_ENDPOINT, credentials: credentialsFrom(env), ca };
  }
  const path = contextsPath(env);
  const contexts = readContexts(path);
  const name = env.PHOTON_CONTEXT || contexts.current;
  if (contexts.contexts[name] === undefined) {
    const where = name === "" ? "nothing says where the cloud is" : `there is no context ${name}`;
    throw new PhotonError("invalid_argument", `${where}: set PHOTON_ENDPOINT, or log in with \`photon login\``);
  }
  const options = contextOptions(path, name);
  return { ...options, credentials: credentialsFrom(env) ?? options.credentials };
}

/**
 * The client's options. With PHOTON_ENDPOINT set, the context is not looked at: its token is meant for its own cloud alone.
 *
 * @throws PhotonError invalid_argument when nothing says where the cloud is, or a principal has no secret.
 */
export function fromEnvironment(env: Environment, overrides: Partial<PhotonCloudOptions> = {}): PhotonCloudOptions {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  const base =
    typeof overrides.endpoint === "string"
      ? { endpoint: overrides.endpoint, credentials: credentialsFrom(env) }
      : baseFrom(env);
  return {
    ...base,
    ...(env.PHOTON_ORG ? { org: env.PHOTON_ORG } : {}),
    ...(env.PHOTON_PROJECT ? { project: env.PHOTON_PROJECT } : {}),
    ...given,
  };
}
