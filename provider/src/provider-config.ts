// The provider's configuration: what the block says, with the environment standing in for what it leaves out.
import { readFileSync } from "node:fs";
import { type Credentials, readIdentityToken } from "@photoncloud/sdk/calls";
import type { Attribute } from "./attribute.ts";
import { attribute as attributeStep } from "./cty/path.ts";
import { Unknown, type ValueMap } from "./cty/value.ts";
import { type Diagnostic, errorAt, Problem, plainError } from "./diagnostics.ts";
import { boolean, plain, type Scalar } from "./scalar.ts";

type Environment = Readonly<Record<string, string | undefined>>;

interface Setting {
  readonly env: string;
  readonly description: string;
  readonly sensitive?: true;
}

const settings = {
  endpoint: { env: "PHOTON_ENDPOINT", description: 'The cloud\'s address, for example "https://cloud.example:50080".' },
  org_id: { env: "PHOTON_ORG", description: "The org of every resource that names none. Default: the token's." },
  project_id: {
    env: "PHOTON_PROJECT",
    description: "The project of every resource that names none. Default: the token's.",
  },
  token: { env: "PHOTON_TOKEN", description: "A bearer token.", sensitive: true },
  principal_id: { env: "PHOTON_PRINCIPAL", description: "The user or service account to log in as." },
  key_secret: { env: "PHOTON_KEY_SECRET", description: "A service account's key.", sensitive: true },
  password: { env: "PHOTON_PASSWORD", description: "A user's password.", sensitive: true },
  id_token: {
    env: "PHOTON_ID_TOKEN",
    description: "An identity token of a pipeline's platform, which a service account's federated credential fits.",
    sensitive: true,
  },
  id_token_file: { env: "PHOTON_ID_TOKEN_FILE", description: "A file that holds such a token; it is read each time." },
  id_token_command: {
    env: "PHOTON_ID_TOKEN_COMMAND",
    description: "A command of the shell that prints such a token; it is run each time that a new one is needed.",
  },
  ca_file: {
    env: "PHOTON_CA_FILE",
    description: "A file with the certificates (PEM) to trust in place of the system's.",
  },
} as const satisfies Readonly<Record<string, Setting>>;
type Name = keyof typeof settings;
const names = Object.keys(settings) as Name[];

const switches = {
  plan_checks: { env: "PHOTON_PLAN_CHECKS", description: "Whether plans are checked by the cloud. Default: true." },
  allow_data_loss: {
    env: "PHOTON_ALLOW_DATA_LOSS",
    description:
      "Whether a plan may change a resource in a way that loses data, such as a machine without one of its disks. Default: false, such a plan is an error; true: it is a warning.",
  },
} as const satisfies Readonly<Record<string, Setting>>;

const texts = names.map((name) => settingAttribute(name, settings[name], plain));
export const providerAttributes: readonly Attribute[] = [
  ...texts,
  ...Object.entries(switches).map(([name, setting]) => settingAttribute(name, setting, boolean)),
];

function settingAttribute(name: string, setting: Setting, scalar: Scalar): Attribute {
  return {
    name,
    shape: { kind: "scalar", scalar },
    required: false,
    optional: true,
    computed: false,
    sensitive: setting.sensitive ?? false,
    writeOnly: false,
    replaces: false,
    emptyIsNull: false,
    description: `${setting.description} Environment: \`${setting.env}\`.`,
    field: undefined,
  };
}

/** A setting's value; an Unknown is settled only when Terraform applies; undefined: not given. */
type Given = string | Unknown | undefined;

export interface Configuration {
  readonly endpoint: Given;
  readonly org: Given;
  readonly project: Given;
  /** Undefined: none were given; an Unknown: not known yet. */
  readonly credentials: Credentials | Unknown | undefined;
  /** PEM */
  readonly ca: string | Unknown | undefined;
  /** Whether the cloud is asked what it would make of a plan. */
  readonly planChecks: boolean;
  /** Whether a change that loses data is planned with a warning; it is refused otherwise. */
  readonly allowsDataLoss: boolean;
}

type Lookup = (name: Name) => Given;

const fromConfig =
  (config: ValueMap): Lookup =>
  (name) => {
    const value = config.get(name);
    return value instanceof Unknown ? value : typeof value === "string" && value !== "" ? value : undefined;
  };

/** What a principal proves itself with, beside its id. */
const proofs = ["key_secret", "password", "id_token", "id_token_file", "id_token_command"] as const;

function principal(look: Lookup): Credentials | Unknown {
  const [principalId, keySecret, password] = [look("principal_id"), look("key_secret"), look("password")];
  const org = look("org_id");
  for (const given of [principalId, ...proofs.map(look)]) if (given instanceof Unknown) return given;
  if (typeof principalId !== "string")
    throw new Problem([
      errorAt(
        [attributeStep("principal_id")],
        "Who logs in is missing",
        "Set principal_id (or PHOTON_PRINCIPAL) beside key_secret, password or an id_token.",
      ),
    ]);
  const orgId = typeof org === "string" ? { orgId: org } : {};
  if (typeof keySecret === "string") return { principalId, keySecret, ...orgId };
  if (typeof password === "string") return { principalId, password, ...orgId };
  const identityToken = identityTokenOf(look);
  if (identityToken !== undefined) return { principalId, identityToken, ...orgId };
  throw new Problem([
    errorAt(
      [attributeStep("principal_id")],
      "The credential is missing",
      "Set key_secret (or PHOTON_KEY_SECRET), password (or PHOTON_PASSWORD), or one of id_token, id_token_file and id_token_command (or PHOTON_ID_TOKEN…) beside principal_id.",
    ),
  ]);
}

/** How an identity token is got; undefined: nothing says so. */
function identityTokenOf(look: Lookup): (() => Promise<string>) | undefined {
  const [token, file, command] = (["id_token", "id_token_file", "id_token_command"] as const).map((name) => {
    const given = look(name);
    return typeof given === "string" ? given : undefined;
  });
  if (token === undefined && file === undefined && command === undefined) return undefined;
  return () => readIdentityToken({ token, file, command });
}

/** What the block says about credentials wins over everything that the environment says about them. */
function credentials(config: Lookup, both: Lookup): Credentials | Unknown | undefined {
  const token = config("token");
  if (token instanceof Unknown) return token;
  if (token !== undefined) return { token };
  if ((["principal_id", ...proofs] as const).some((name) => config(name) !== undefined)) return principal(both);
  const fromEnv = both("token");
  if (typeof fromEnv === "string") return { token: fromEnv };
  return both("principal_id") === undefined ? undefined : principal(both);
}

/** A claim of a token, for the defaults alone: the cloud checks the token itself. Not known while the token is not. */
function claim(given: Credentials | Unknown | undefined, name: string): Given {
  if (given instanceof Unknown) return given;
  if (given === undefined || typeof given === "function" || !("token" in given)) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(given.token.split(".")[1] ?? "", "base64url").toString());
    const found =
      typeof claims === "object" && claims !== null ? Object.entries(claims).find(([key]) => key === name)?.[1] : "";
    return typeof found === "string" && found !== "" ? found : undefined;
  } catch {
    return undefined;
  }
}

function readCa(path: Given): string | Unknown | undefined {
  if (path === undefined || path instanceof Unknown) return path;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Problem([errorAt([attributeStep("ca_file")], "The certificates can't be read", why)]);
  }
}

function isOn(name: keyof typeof switches, config: ValueMap, env: Environment): boolean | undefined {
  const given = config.get(name) ?? null;
  if (typeof given === "boolean") return given;
  const text = env[switches[name].env] ?? "";
  if (["true", "1"].includes(text)) return true;
  return ["false", "0"].includes(text) ? false : undefined;
}

/**
 * Reads the configuration.
 *
 * @throws Problem where it can't work; what is only not known yet is no problem.
 */
export function readConfiguration(config: ValueMap, env: Environment): Configuration {
  const own = fromConfig(config);
  const both: Lookup = (name) => own(name) ?? (env[settings[name].env] || undefined);
  const given = credentials(own, both);
  const endpoint = both("endpoint");
  if (endpoint === undefined)
    throw new Problem([
      errorAt(
        [attributeStep("endpoint")],
        "Where the cloud is, is missing",
        'Set endpoint, for example "https://cloud.example:50080", or PHOTON_ENDPOINT.',
      ),
    ]);
  if (given === undefined)
    throw new Problem([
      plainError(
        "Credentials are missing",
        "Set token (PHOTON_TOKEN), or principal_id (PHOTON_PRINCIPAL) with key_secret (PHOTON_KEY_SECRET), password (PHOTON_PASSWORD) or a pipeline's identity token (PHOTON_ID_TOKEN, PHOTON_ID_TOKEN_FILE, PHOTON_ID_TOKEN_COMMAND).",
      ),
    ]);
  return {
    endpoint,
    org: both("org_id") ?? claim(given, "org_id"),
    project: both("project_id") ?? claim(given, "project_id"),
    credentials: given,
    ca: readCa(both("ca_file")),
    planChecks: isOn("plan_checks", config, env) ?? true,
    allowsDataLoss: isOn("allow_data_loss", config, env) ?? false,
  };
}

/** What ValidateProviderConfig says of a block: nothing about the environment, which may differ where it is applied. */
export function validateConfiguration(config: ValueMap): readonly Diagnostic[] {
  const own = fromConfig(config);
  const endpoint = own("endpoint");
  const diagnostics: Diagnostic[] = [];
  if (typeof endpoint === "string" && !(/^https?:\/\/[^/]/.test(endpoint) && URL.canParse(endpoint)))
    diagnostics.push(
      errorAt(
        [attributeStep("endpoint")],
        "Invalid endpoint",
        `${JSON.stringify(endpoint)} was given; an http or https URL is allowed, for example "https://cloud.example:50080".`,
      ),
    );
  for (const name of ["principal_id", ...proofs] as const)
    if (own("token") !== undefined && own(name) !== undefined)
      diagnostics.push(
        errorAt(
          [attributeStep(name)],
          "Two ways to log in",
          "token is set too: set either token, or principal_id with what it proves itself by.",
        ),
      );
  if (own("key_secret") !== undefined && own("password") !== undefined)
    diagnostics.push(
      errorAt(
        [attributeStep("password")],
        "Two credentials",
        "key_secret is set too: a service account has a key, a user has a password.",
      ),
    );
  return diagnostics;
}
