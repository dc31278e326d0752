// The settings of `photon agent`: flags alone, but for the token, which other users of the machine could read in a list of processes.
import { hostname } from "node:os";
import { parseArgs } from "node:util";
import type { JoinOptions } from "./agent/machines/join.ts";
import type { ChassisPlace } from "./backends/network/ovn/chassis/local.ts";
import type { TlsFiles } from "./backends/network/ovn/ovsdb/database.ts";
import { ConfigError } from "./config-error.ts";
import { type HypervisorConfig, hypervisorOf } from "./hypervisor-config.ts";
import { checkRemotes, tlsOf } from "./network-config.ts";

export const agentUsage = `photon agent: makes this machine a host, and runs its virtual machines for the cloud.

  photon agent join --server https://cloud.example:50080 --token TOKEN    once; draw the token with: photon host token create
  photon agent run                                                        ever after

join:
  --server URL        the cloud
  --token TOKEN       or PHOTON_JOIN_TOKEN
  --name ID           the host's id; default: this machine's name
  --listen HOST:PORT  where to answer the servers; default 0.0.0.0 and the port of --address, or 50090
  --address HOST:PORT where the servers find that; default: this machine's name and the port
  --ca-file FILE      the authority that certifies the server, PEM; default: those that the system trusts
  --data FOLDER       where files are kept; default /var/lib/photoncloud-agent

run:
  --data FOLDER       as above
  --hypervisor auto|qemu|simulated
  --images FOLDER     the files of the built-in images; default images-built-in in the data folder
  --machines FOLDER   machines' disks; default in the data folder
  --ovs-database R    the Open vSwitch that machines are plugged into; default unix:/var/run/openvswitch/db.sock
  --ovs-namespace N   the network namespace (ip netns) of that Open vSwitch; default this one
  --ovn-log FILE      ovn-controller's log, for flow logs; default /var/log/ovn/ovn-controller.log
  --ovn-southbound R  OVN's southbound: names and metadata for the guests of this host
  --ovn-tls-key FILE  for ssl: a private key, PEM
  --ovn-tls-cert FILE its certificate, PEM
  --ovn-tls-ca FILE   the certificate of the authority that OVN's servers are checked by, PEM
  --ovn-tls-name NAME a name that OVN's servers' certificates must carry; default: every certificate of the authority is taken
`;

const texts = ["server", "token", "name", "listen", "address", "ca-file", "data"] as const;
const chassisTexts = ["ovs-database", "ovs-namespace", "ovn-log", "ovn-southbound"] as const;
const tlsTexts = ["ovn-tls-key", "ovn-tls-cert", "ovn-tls-ca", "ovn-tls-name"] as const;
const runTexts = ["data", "hypervisor", "images", "machines", ...chassisTexts, ...tlsTexts] as const;

function parse<Flag extends string>(args: readonly string[], flags: readonly Flag[]): Partial<Record<Flag, string>> {
  const options = Object.fromEntries(flags.map((flag) => [flag, { type: "string" as const }]));
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false });
    const given: Partial<Record<Flag, string>> = {};
    for (const flag of flags) {
      const value = values[flag];
      if (typeof value === "string") given[flag] = value;
    }
    return given;
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : error}; photon agent --help lists the settings`);
  }
}

const defaultData = "/var/lib/photoncloud-agent";

function needed(value: string | undefined, flag: string): string {
  if (value !== undefined && value !== "") return value;
  throw new ConfigError(`--${flag} is missing; photon agent --help lists the settings`);
}

/** As ids are written. */
function nameOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/\..*$/, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
}

function portOf(address: string): string | undefined {
  return /:(\d+)$/.exec(address)?.[1];
}

/** @throws ConfigError if something is missing or wrong. */
export function joinSettings(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): JoinOptions {
  const given = parse(args, texts);
  const listen = given.listen ?? `0.0.0.0:${portOf(given.address ?? "") ?? "50090"}`;
  const port = portOf(listen);
  if (port === undefined) throw new ConfigError(`--listen ${listen} must end with a port, as 0.0.0.0:50090`);
  return {
    server: needed(given.server, "server"),
    token: needed(given.token ?? environment.PHOTON_JOIN_TOKEN, "token"),
    name: given.name ?? needed(nameOf(hostname()), "name"),
    listen,
    address: given.address ?? `${hostname()}:${port}`,
    dataDir: given.data ?? defaultData,
    caFile: given["ca-file"],
  };
}

export interface RunSettings {
  readonly dataDir: string;
  readonly hypervisor: HypervisorConfig;
  /** The host's own Open vSwitch. */
  readonly chassis: ChassisPlace;
  readonly southbound: { readonly remote: string; readonly tls?: TlsFiles } | undefined;
}

/** @throws ConfigError if something is wrong. */
export function runSettings(args: readonly string[]): RunSettings {
  const { data, ...rest } = parse(args, runTexts);
  const { "ovs-database": database, "ovs-namespace": namespace, "ovn-log": controllerLog } = rest;
  const chassis = {
    ...(database !== undefined && { database }),
    ...(namespace !== undefined && { namespace }),
    ...(controllerLog !== undefined && { controllerLog }),
  };
  return { dataDir: data ?? defaultData, hypervisor: hypervisorOf(rest), chassis, southbound: southboundOf(rest) };
}

type Given = Readonly<Partial<Record<(typeof runTexts)[number], string>>>;

function southboundOf(given: Given): RunSettings["southbound"] {
  const remote = given["ovn-southbound"];
  const tls = tlsOf(given);
  if (remote === undefined) return undefined;
  checkRemotes("ovn-southbound", remote, tls);
  return { remote, ...(tls && { tls }) };
}
