// admin.json: where the administrator finds the cloud and how to log in. Made at the first start, readable by its owner alone.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What the file holds, by these names. */
export interface Administrator {
  readonly endpoint: string;
  readonly org_id: string;
  readonly principal_id: string;
  readonly password: string;
  /** The certificate authority to trust, where the server made its own. */
  readonly ca_file?: string;
}

export function adminFileIn(dataDir: string): string {
  return join(dataDir, "admin.json");
}

/** Undefined where there is none, or none that can be read. */
export function readAdminFile(dataDir: string): Administrator | undefined {
  const file = adminFileIn(dataDir);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

/** Replaces the file whole, so that a reader never sees half of it. */
export function writeAdminFile(dataDir: string, administrator: Administrator): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = adminFileIn(dataDir);
  const next = `${file}.${process.pid}`;
  writeFileSync(next, `${JSON.stringify(administrator, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, file);
}
