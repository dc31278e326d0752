// The server's settings, from flags and PHOTON_* variables. A flag wins over its variable. A wrong one is answered with one sentence.
import { parseArgs } from "node:util";
import { type ComputeConfig, computeOf, computeSettings } from "./compute-config.ts";
import { ConfigError } from "./config-error.ts";
import { type HypervisorConfig, hypervisorOf, hypervisorSettings } from "./hypervisor-config.ts";
import { type ListenAddress, parseAddress, parseAddresses } from "./listen-address.ts";
import { type MovesConfig, movesOf, movesSettings } from "./moves-config.ts";
import { type NetworkConfig, networkOf, networkSettings } from "./network-config.ts";

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Everything that one can choose about a server. */
export interface Config {
  /** A cloud on one's own machine: nothing needs to be set. */
  readonly dev: boolean;
  /** The first is the endpoint that people are told. */
  readonly listen: readonly ListenAddress[];
  /** Where the server keeps files: the SQLite store, admin.json, certificates made by --dev --tls. */
  readonly dataDir: string;
  /** postgres://…; undefined: SQLite in the data folder. */
  readonly databaseUrl: string | undefined;
  /** "made": a certificate of one's own, kept in the data folder. */
  readonly tls: TlsFiles | "made" | undefined;
  readonly logLevel: LogLevel;
  /** Undefined: on the main port if all of them are loopback, else nowhere. */
  readonly metricsListen: ListenAddress | undefined;
  /** The URL that clients reach the server by, where it is not the listen address; "" for that. */
  readonly advertise: string;
  /** Holds the key that the signing keys are encrypted with in the store; undefined: they are kept as they are. */
  readonly masterKeyFile: string | undefined;
  /** Whether identity providers and other issuers may be at private and loopback addresses. */
  readonly privateIssuers: boolean;
  /** The folder of the Terraform provider's packages; undefined: the server serves none. */
  readonly providerPackages: string | undefined;
  /** Whether the server keeps Terraform's states for its projects. */
  readonly terraformState: boolean;
  /** Calls that one principal may make on this server; 0: as many as it likes. */
  readonly callsPerSecond: number;
  readonly network: NetworkConfig;
  readonly compute: ComputeConfig;
  readonly hypervisor: HypervisorConfig;
  readonly moves: MovesConfig;
}

export { ConfigError };

interface Setting {
  readonly flag: string;
  /** The first that is set counts. */
  readonly variables: readonly string[];
  readonly boolean?: true;
  readonly value?: string;
  readonly help: string;
}

/** Far above what a large apply asks for, and below what a server answers. */
const usualCallsPerSecond = 2_000;

/** The table that the reader, the help text and the docs share. */
export const settings = [
  { flag: "dev", variables: ["PHOTON_DEV"], boolean: true, help: "a cloud on this machine; needs nothing else" },
  {
    flag: "listen",
    variables: ["PHOTON_LISTEN"],
    value: "HOST:PORT",
    help: "where to answer; default 127.0.0.1:50080; port 0 takes any that is free",
  },
  {
    flag: "also-listen",
    variables: ["PHOTON_ALSO_LISTEN"],
    value: "HOST:PORT,…",
    help: 'more places that answer for everything; "components": the components\' old ports 50081 to 50085',
  },
  {
    flag: "data",
    variables: ["PHOTON_DATA"],
    value: "FOLDER",
    help: "where files are kept; default .photon, with --dev .photon/dev",
  },
  {
    flag: "database-url",
    variables: ["PHOTON_DATABASE_URL", "FLAREDB_ENDPOINT"],
    value: "URL",
    help: "postgres://user:password@host/name; default: SQLite in the data folder",
  },
  {
    flag: "tls",
    variables: ["PHOTON_TLS"],
    boolean: true,
    help: "TLS; with --dev and no certificate it makes its own",
  },
  { flag: "tls-cert", variables: ["PHOTON_TLS_CERT"], value: "FILE", help: "the certificate chain, PEM" },
  { flag: "tls-key", variables: ["PHOTON_TLS_KEY"], value: "FILE", help: "its private key, PEM" },
  {
    flag: "insecure-plaintext",
    variables: ["PHOTON_INSECURE_PLAINTEXT"],
    boolean: true,
    help: "answer in the clear beyond this machine; tokens can be read on the way",
  },
  {
    flag: "log-level",
    variables: ["PHOTON_LOG_LEVEL"],
    value: "LEVEL",
    help: `${logLevels.join(", ")}; default info, with --dev warn`,
  },
  {
    flag: "metrics-listen",
    variables: ["PHOTON_METRICS_LISTEN"],
    value: "HOST:PORT",
    help: "where /metrics answers in the clear; default: the main port, if that is this machine alone",
  },
  {
    flag: "advertise",
    variables: ["PHOTON_ADVERTISE"],
    value: "URL",
    help: "how clients reach the server, for admin.json",
  },
  {
    flag: "master-key-file",
    variables: ["PHOTON_MASTER_KEY_FILE"],
    value: "FILE",
    help: "64 hexadecimal digits that seal secrets in the store; the same for all servers of a cloud; default master.key in the data folder, made at the first start",
  },
  {
    flag: "private-issuers",
    variables: ["PHOTON_PRIVATE_ISSUERS"],
    boolean: true,
    help: "identity providers may be at private and loopback addresses; tenants can then reach your own network through the server; default on with --dev",
  },
  {
    flag: "provider-packages",
    variables: ["PHOTON_PROVIDER_PACKAGES"],
    value: "FOLDER",
    help: "the Terraform provider's packages (npm run package), which terraform init then installs from this server",
  },
  {
    flag: "terraform-state",
    variables: ["PHOTON_TERRAFORM_STATE"],
    boolean: true,
    help: "keep Terraform's states for projects, with their locks, for its http backend; encrypted where there is a master key",
  },
  {
    flag: "calls-per-second",
    variables: ["PHOTON_CALLS_PER_SECOND"],
    value: "N",
    help: `how many calls one principal may make, with bursts of five seconds' worth; default ${usualCallsPerSecond}; 0: any number`,
  },
  ...networkSettings,
  ...computeSettings,
  ...hypervisorSettings,
  ...movesSettings,
  {
    flag: "iam-endpoint",
    variables: ["IAM_ENDPOINT"],
    value: "URL",
    help: "another process that serves IAM; this server serves it itself, so only its own address is taken",
  },
  {
    flag: "novanet-endpoint",
    variables: ["NOVANET_ENDPOINT"],
    value: "URL",
    help: "another process that serves PrismNET; as above",
  },
] as const satisfies readonly Setting[];

type Flag = (typeof settings)[number]["flag"];
type Given = Readonly<Partial<Record<Flag, string>>>;
type Environment = Readonly<Record<string, string | undefined>>;

const defaultPort = 50_080;
const componentPorts = [50_081, 50_082, 50_083, 50_084, 50_085];

function flagsOf(argv: readonly string[]): Given {
  const options = Object.fromEntries(
    settings.map((s) => [s.flag, { type: "boolean" in s ? ("boolean" as const) : ("string" as const) }]),
  );
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true, allowPositionals: false });
    return Object.fromEntries(Object.entries(values).map(([flag, value]) => [flag, String(value)]));
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : error}; photon server --help lists the settings`);
  }
}

function variablesOf(environment: Environment): Given {
  const found = settings.flatMap(({ flag, variables }) => {
    const value = variables.map((name) => environment[name]).find((v) => v !== undefined && v !== "");
    return value === undefined ? [] : [[flag, value] as const];
  });
  return Object.fromEntries(found);
}

function isOn(given: Given, flag: Flag): boolean {
  const value = given[flag];
  if (value === undefined || value === "false" || value === "0") return false;
  if (value === "true" || value === "1") return true;
  throw new ConfigError(`the setting ${flag} is "${value}"; it must be true or false`);
}

function logLevelOf(given: Given, dev: boolean): LogLevel {
  const wanted = given["log-level"] ?? (dev ? "warn" : "info");
  const level = logLevels.find((known) => known === wanted);
  if (level === undefined)
    throw new ConfigError(`the log level is "${wanted}"; it must be one of ${logLevels.join(", ")}`);
  return level;
}

function callsOf(given: Given): number {
  const text = given["calls-per-second"] ?? String(usualCallsPerSecond);
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new ConfigError(`calls-per-second is "${text}"; it must be a whole number, 0 for no limit`);
}

function databaseOf(given: Given): string | undefined {
  const url = given["database-url"];
  if (url === undefined || /^postgres(ql)?:\/\//.test(url)) return url;
  throw new ConfigError("the database URL must begin with postgres://; leave it out for SQLite in the data folder");
}

function tlsOf(given: Given, dev: boolean): Config["tls"] {
  const { "tls-cert": certFile, "tls-key": keyFile } = given;
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  if (certFile !== undefined || keyFile !== undefined)
    throw new ConfigError("tls-cert and tls-key belong together; give both");
  if (!isOn(given, "tls")) return undefined;
  if (dev) return "made";
  throw new ConfigError("tls needs tls-cert and tls-key; only --dev makes its own certificate");
}

function listenOf(given: Given): readonly ListenAddress[] {
  const first = parseAddress("listen", given.listen ?? `127.0.0.1:${defaultPort}`, defaultPort);
  const more = given["also-listen"];
  if (more === undefined) return [first];
  const components = componentPorts.map((port) => ({ ...first, port }));
  const rest = more.split(",").flatMap((part) => {
    if (part.trim() === "components") return components;
    return parseAddresses("also-listen", part);
  });
  return [first, ...rest];
}

function refusePlaintext(config: Config, given: Given): void {
  const open = config.listen.find((address) => !address.loopback);
  if (open === undefined || config.tls !== undefined || isOn(given, "insecure-plaintext")) return;
  throw new ConfigError(
    `listening on ${open.host} without TLS would send tokens in the clear: give tls-cert and tls-key, or insist with --insecure-plaintext`,
  );
}

/** A component in a process of its own is not offered yet: an endpoint elsewhere would be silently ignored, so it is refused. */
function refuseRemoteComponents(config: Config, given: Given): void {
  const own = new Set(config.listen.map(({ port }) => port));
  for (const flag of ["iam-endpoint", "novanet-endpoint"] as const) {
    const value = given[flag];
    if (value === undefined) continue;
    const url = URL.parse(value.includes("://") ? value : `http://${value}`);
    if (url !== null && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname) && own.has(Number(url.port)))
      continue;
    throw new ConfigError(
      `${flag} names ${value}, but this server answers for every component itself; leave it out, or point it at this server's own address`,
    );
  }
}

/**
 * Reads the settings.
 *
 * @throws ConfigError if one is wrong, or two don't go together.
 */
export function readConfig(argv: readonly string[], environment: Environment): Config {
  const given: Given = { ...variablesOf(environment), ...flagsOf(argv) };
  const dev = isOn(given, "dev");
  const metrics = given["metrics-listen"];
  const listen = listenOf(given);
  const advertise = given.advertise ?? "";
  const config: Config = {
    dev,
    listen,
    dataDir: given.data ?? (dev ? ".photon/dev" : ".photon"),
    databaseUrl: databaseOf(given),
    tls: tlsOf(given, dev),
    logLevel: logLevelOf(given, dev),
    metricsListen: metrics === undefined ? undefined : parseAddress("metrics-listen", metrics),
    advertise,
    masterKeyFile: given["master-key-file"],
    callsPerSecond: callsOf(given),
    providerPackages: given["provider-packages"],
    terraformState: isOn(given, "terraform-state"),
    privateIssuers: given["private-issuers"] === undefined ? dev : isOn(given, "private-issuers"),
    network: networkOf(given, dev),
    compute: computeOf(given, isOn(given, "private-image-sources")),
    hypervisor: hypervisorOf(given),
    moves: movesOf(given, { listen: listen[0], advertise }),
  };
  refusePlaintext(config, given);
  refuseRemoteComponents(config, given);
  return config;
}

/** The settings as `photon server --help` prints them. */
export function settingsHelp(): string {
  const lines = settings.map((setting) => {
    const flag = `--${setting.flag}${"value" in setting ? ` ${setting.value}` : ""}`;
    return `  ${flag.padEnd(30)} ${setting.help} (${setting.variables.join(", ")})`;
  });
  return `Settings, as flags or as variables:\n${lines.join("\n")}\n`;
}
