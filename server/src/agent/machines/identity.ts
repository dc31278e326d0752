// What makes an agent the agent of its host: its key, its certificates and where it listens, in its data folder. Nobody else may read them.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../config-error.ts";

export interface AgentIdentity {
  readonly hostId: string;
  /** host:port */
  readonly listen: string;
  /** PEM; the certificate is the key's. */
  readonly key: string;
  readonly certificate: string;
  /** Certifies the servers that may call; PEM. */
  readonly authority: string;
}

const fileIn = (dataDir: string): string => join(dataDir, "agent.json");

/** @throws ConfigError if it has not joined. */
export function readIdentity(dataDir: string): AgentIdentity {
  try {
    return JSON.parse(readFileSync(fileIn(dataDir), "utf8"));
  } catch (cause) {
    throw new ConfigError(`${fileIn(dataDir)} can't be read: join first, with photon agent join --data ${dataDir}`, {
      cause,
    });
  }
}

/** Replaces all of it at once: a key never stands beside another's certificate. */
export function writeIdentity(dataDir: string, identity: AgentIdentity): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const next = `${fileIn(dataDir)}.${process.pid}`;
  writeFileSync(next, `${JSON.stringify(identity, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, fileIn(dataDir));
}
