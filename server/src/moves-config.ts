// The settings of the port that machines come in by which move to the server's own host.

import { isIP } from "node:net";
import { hostname } from "node:os";
import { type ListenAddress, parseAddress } from "./listen-address.ts";

export interface MovesConfig {
  readonly listen: ListenAddress;
  /** Where agents find that. Port 0: the one that is open. */
  readonly address: { readonly host: string; readonly port: number };
}

/** Behind the agents' own, 50090. The same after every restart: a host that handed a machine over asks there again. */
const defaultPort = 50_091;

export const movesSettings = [
  {
    flag: "moves-listen",
    variables: ["PHOTON_MOVES_LISTEN"],
    value: "HOST:PORT",
    help: `where machines come in that move from agents' hosts to this one; opened with the first; default port ${defaultPort} beside --listen`,
  },
  {
    flag: "moves-address",
    variables: ["PHOTON_MOVES_ADDRESS"],
    value: "HOST:PORT",
    help: "where agents find that; default: the name of --advertise, or this machine's",
  },
] as const;

type Given = Readonly<Partial<Record<(typeof movesSettings)[number]["flag"], string>>>;
type Server = { readonly listen: Pick<ListenAddress, "host"> | undefined; readonly advertise: string };

/** @throws ConfigError if one is wrong. */
export function movesOf(given: Given, { listen: main, advertise }: Server): MovesConfig {
  const asked = given["moves-listen"];
  const usual = isIP(main?.host ?? "") === 6 ? `[${main?.host}]` : (main?.host ?? "127.0.0.1");
  const listen = parseAddress("moves-listen", asked ?? `${usual}:${defaultPort}`, defaultPort);
  const told = given["moves-address"];
  if (told !== undefined) return { listen, address: parseAddress("moves-address", told, listen.port) };
  return { listen, address: { host: nameOf(listen.host, advertise), port: listen.port } };
}

/** How others find what listens on an address. */
function nameOf(host: string, advertise: string): string {
  if (host !== "0.0.0.0" && host !== "::") return host;
  const advertised = URL.parse(advertise)?.hostname.replace(/^\[|\]$/g, "") ?? "";
  return advertised === "" ? hostname() : advertised;
}
