// The settings that say which network the server drives.
import type { TlsFiles as OvsdbTlsFiles } from "./backends/network/ovn/ovsdb/database.ts";
import { parseRemotes } from "./backends/network/ovn/ovsdb/remote.ts";
import { type OutsideChoice, usualOutside } from "./backends/network/ovn/private/outside.ts";
import { ConfigError } from "./config-error.ts";
import { formatNetwork, parseNetwork } from "./ip.ts";

/** An OVN that somebody else runs. */
export interface OvnAddress {
  /** As OVN writes them: "ssl:10.0.0.1:6641,ssl:10.0.0.2:6641,ssl:10.0.0.3:6641". */
  readonly northbound: string;
  readonly southbound: string;
  /** For ssl:. */
  readonly tls?: OvsdbTlsFiles;
}

export interface NetworkConfig {
  /** "auto": the OVN that is named; with --dev, one of its own where that can be; else a simulated one. */
  readonly driver: "auto" | "ovn" | "simulated";
  readonly ovn: OvnAddress | undefined;
  /** Of an OVN of one's own. */
  readonly outside: OutsideChoice;
}

export const networkSettings = [
  {
    flag: "network",
    variables: ["PHOTON_NETWORK"],
    value: "auto|ovn|simulated",
    help: "what carries packets; auto: the OVN that is named, with --dev one of its own where OVN is installed, else a simulation",
  },
  {
    flag: "outside",
    variables: ["PHOTON_OUTSIDE"],
    value: "CIDR|namespace",
    help: `with --dev, the IPv4 network beyond its own OVN; "namespace" keeps it away from this machine's; default ${usualOutside.cidr}`,
  },
  {
    flag: "ovn-northbound",
    variables: ["PHOTON_OVN_NORTHBOUND"],
    value: "REMOTE,…",
    help: "an OVN's Northbound: unix:/run/ovn/ovnnb_db.sock, tcp:10.0.0.1:6641, ssl:10.0.0.1:6641; of a cluster all members",
  },
  {
    flag: "ovn-southbound",
    variables: ["PHOTON_OVN_SOUTHBOUND"],
    value: "REMOTE,…",
    help: "its Southbound: unix:/run/ovn/ovnsb_db.sock, ssl:10.0.0.1:6642",
  },
  { flag: "ovn-tls-key", variables: ["PHOTON_OVN_TLS_KEY"], value: "FILE", help: "for ssl: a private key, PEM" },
  { flag: "ovn-tls-cert", variables: ["PHOTON_OVN_TLS_CERT"], value: "FILE", help: "its certificate, PEM" },
  {
    flag: "ovn-tls-ca",
    variables: ["PHOTON_OVN_TLS_CA"],
    value: "FILE",
    help: "the certificate of the authority that OVN's servers are checked by, PEM",
  },
  {
    flag: "ovn-tls-name",
    variables: ["PHOTON_OVN_TLS_NAME"],
    value: "NAME",
    help: "a name that OVN's servers' certificates must carry; default: every certificate of the authority is taken",
  },
] as const;

type Given = Readonly<Partial<Record<(typeof networkSettings)[number]["flag"], string>>>;

const drivers = ["auto", "ovn", "simulated"] as const;

/** @throws ConfigError if one is wrong, or two don't go together. */
export function networkOf(given: Given, dev: boolean): NetworkConfig {
  const wanted = given.network ?? "auto";
  const driver = drivers.find((known) => known === wanted);
  if (driver === undefined) throw new ConfigError(`network is "${wanted}"; it must be one of ${drivers.join(", ")}`);
  const ovn = ovnOf(given);
  if (driver === "simulated" && ovn !== undefined)
    throw new ConfigError("network simulated and ovn-northbound don't go together; leave one out");
  if (driver === "ovn" && ovn === undefined && !dev)
    throw new ConfigError("network ovn needs ovn-northbound and ovn-southbound; only --dev starts an OVN of its own");
  return { driver, ovn, outside: outsideOf(given.outside) };
}

/** From what a machine's own network may be to the least that has a router, a VPC and some elastic IPs. */
const [largestOutside, smallestOutside] = [8, 28];

/** @throws ConfigError if it is neither a network nor "namespace". */
function outsideOf(given: string = usualOutside.cidr): OutsideChoice {
  if (given === "namespace") return { ...usualOutside, place: "namespace" };
  const network = parseNetwork(given);
  if (network?.family !== 4 || network.prefixLength < largestOutside || network.prefixLength > smallestOutside)
    throw new ConfigError(
      `outside is "${given}"; it must be "namespace" or an IPv4 network of /${largestOutside} to /${smallestOutside}, as ${usualOutside.cidr}`,
    );
  return { ...usualOutside, cidr: formatNetwork(network) };
}

function ovnOf(given: Given): OvnAddress | undefined {
  const { "ovn-northbound": northbound, "ovn-southbound": southbound } = given;
  const tls = tlsOf(given);
  if (northbound === undefined && southbound === undefined) {
    if (tls === undefined) return undefined;
    throw new ConfigError("ovn-tls-key, ovn-tls-cert and ovn-tls-ca are for ovn-northbound and ovn-southbound");
  }
  if (northbound === undefined || southbound === undefined)
    throw new ConfigError("ovn-northbound and ovn-southbound belong together; give both");
  checkRemotes("ovn-northbound", northbound, tls);
  checkRemotes("ovn-southbound", southbound, tls);
  return { northbound, southbound, ...(tls && { tls }) };
}

/** @throws ConfigError if only some of the three files are given, or a name without them. */
export function tlsOf(given: Given): OvsdbTlsFiles | undefined {
  const { "ovn-tls-key": keyFile, "ovn-tls-cert": certFile, "ovn-tls-ca": caFile, "ovn-tls-name": serverName } = given;
  const name = serverName === undefined ? {} : { serverName };
  if (keyFile !== undefined && certFile !== undefined && caFile !== undefined)
    return { keyFile, certFile, caFile, ...name };
  if (keyFile === undefined && certFile === undefined && caFile === undefined && serverName === undefined)
    return undefined;
  throw new ConfigError("ovn-tls-key, ovn-tls-cert and ovn-tls-ca belong together; give all three");
}

/** @throws ConfigError if it is no list of remotes, or one of them needs files that were not given. */
export function checkRemotes(flag: string, text: string, tls: OvsdbTlsFiles | undefined): void {
  try {
    parseRemotes(text, tls);
  } catch (error) {
    throw new ConfigError(`${flag}: ${error instanceof Error ? error.message : error}`);
  }
}
