// The servers that unknown names are asked of: those of the settings, else the host's own.
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import type { Clock } from "../../clock.ts";

export interface Upstream {
  readonly address: string;
  readonly port: number;
}

const usualPort = 53;
/** How long the host's file is believed, in milliseconds. */
const believedMs = 10_000;
/** As many as the C library takes. */
const most = 3;

/** Reads "192.0.2.53", "192.0.2.53:5353" or "[2001:db8::53]:5353". Undefined for anything else. */
export function parseUpstream(text: string): Upstream | undefined {
  if (isIP(text) !== 0) return { address: text, port: usualPort };
  const [, bracketed, plain, port = `${usualPort}`] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? "";
  const number = Number(port);
  const known = isIP(address) === (bracketed === undefined ? 4 : 6);
  return known && number > 0 && number < 65_536 ? { address, port: number } : undefined;
}

/** The name servers of a resolv.conf(5). */
export function serversOf(resolvConf: string): readonly Upstream[] {
  return resolvConf
    .split("\n")
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1])
    .map((address) => (address === undefined ? undefined : parseUpstream(address)))
    .filter((one) => one !== undefined)
    .slice(0, most);
}

/** Answers the servers to ask, in order: the host's are read again when its file has changed. */
export function upstreamsOf(
  settings: readonly string[] | undefined,
  clock: Clock,
  file = "/etc/resolv.conf",
): () => readonly Upstream[] {
  if (settings !== undefined) {
    const fixed = settings.map(parseUpstream).filter((one) => one !== undefined);
    return () => fixed;
  }
  let known: { at: number; changed: number; servers: readonly Upstream[] } | undefined;
  return () => {
    const now = clock.now();
    if (known !== undefined && Math.abs(now - known.at) < believedMs) return known.servers;
    const changed = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const servers = known?.changed === changed ? known.servers : read(file);
    known = { at: now, changed, servers };
    return servers;
  };
}

function read(file: string): readonly Upstream[] {
  try {
    return serversOf(readFileSync(file, "utf8"));
  } catch {
    return [];
  }
}
