// Picks the store by its URL.
import { fileURLToPath } from "node:url";
import type { Clock } from "../clock.ts";
import { openPostgresStore } from "./postgres/open.ts";
import { openSqliteStore } from "./sqlite/open.ts";
import type { Store } from "./store.ts";

/**
 * Opens the store that a URL names: "sqlite:///var/lib/photon/store.db", "sqlite::memory:", or
 * "postgres://user:password@host/database" (also "postgresql:").
 *
 * @throws TypeError for any other URL; what the store's own opening throws.
 */
export async function openStore(url: string, options: { readonly clock?: Clock } = {}): Promise<Store> {
  if (/^postgres(ql)?:/.test(url)) return openPostgresStore({ url, ...options });
  if (url === "sqlite::memory:") return openSqliteStore({ file: ":memory:", ...options });
  if (url.startsWith("sqlite:///")) {
    return openSqliteStore({ file: fileURLToPath(url.replace(/^sqlite:/, "file:")), ...options });
  }
  const given = url.replace(/\/\/[^@/]*@/, "//…@");
  throw new TypeError(
    `the store's URL is ${JSON.stringify(given)}; it must be sqlite:///absolute/path, sqlite::memory: or postgres://user:password@host/database`,
  );
}
