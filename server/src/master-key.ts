// The master key: what is secret in the store (keys that sign, seeds of second factors, client secrets) is sealed with it.
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Config, ConfigError } from "./config.ts";

type Given = Pick<Config, "masterKeyFile" | "dataDir" | "databaseUrl" | "dev">;

/**
 * The key of the file that is named; without one, of `master.key` in the data folder, which is made at the first start. Servers that share a database
 * must share the key: there a file must be named, except for trying out with one.
 *
 * @throws ConfigError if the file does not hold 32 bytes in hexadecimal, or none is named where one must be.
 */
export function masterKeyOf({ masterKeyFile, dataDir, databaseUrl, dev }: Given): Uint8Array {
  if (masterKeyFile !== undefined) return readKey(masterKeyFile);
  if (databaseUrl === undefined || dev) return readKey(madeKey(resolve(dataDir)));
  throw new ConfigError(
    "master-key-file must be named where a database is: all its servers seal with the same key (openssl rand -hex 32 > master.key; chmod 600 master.key)",
  );
}

function readKey(file: string): Uint8Array {
  const text = readFileSync(file, "utf8").trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  throw new ConfigError(`master-key-file ${file} must hold 64 hexadecimal digits (openssl rand -hex 32)`);
}

/** Whole or not there at all: a key that was cut short would seal nothing that anybody could open again. */
function madeKey(dataDir: string): string {
  const file = join(dataDir, "master.key");
  if (existsSync(file)) return file;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const made = `${file}.${process.pid}`;
  writeFileSync(made, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flush: true });
  chmodSync(made, 0o600);
  try {
    // Of two that make one at once the first one's stays.
    linkSync(made, file);
  } catch (error) {
    if (!existsSync(file)) throw error;
  } finally {
    rmSync(made, { force: true });
  }
  return file;
}
