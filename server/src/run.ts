// `photon server`: reads the settings, starts the server, says where it is, and stops it when asked.

import { isNativeError } from "node:util/types";
import { adminFileIn } from "./admin-file.ts";
import { type Config, ConfigError, readConfig, settingsHelp } from "./config.ts";
import { type RunningServer, startServer } from "./main.ts";
import { NewerSchemaError, NotDurableError, StoreInUseError } from "./store/index.ts";

/** Where a run finds its surroundings; a test gives its own. */
export interface RunOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly write?: (text: string) => void;
  readonly complain?: (text: string) => void;
}

const usage = `photon server [settings]: runs the control plane.

  photon server --dev            a cloud on this machine; needs nothing else
  photon server --data /var/lib/photon --listen 0.0.0.0:50080 --tls-cert cert.pem --tls-key key.pem

`;

function banner(config: Config, server: RunningServer): string {
  const more = server.urls.slice(1);
  const lines = [
    `PhotonCloud is running at ${server.urls[0]}${more.length === 0 ? "" : ` (and ${more.join(", ")})`}`,
    ...(server.caFile === undefined ? [] : [`  certificate authority  ${server.caFile}`]),
    `  administrator          ${adminFileIn(config.dataDir)}`,
    `  store                  ${config.databaseUrl === undefined ? `SQLite in ${config.dataDir}` : "PostgreSQL"}`,
    ...server.picks.map(({ role, driver, why }) => `  ${role.padEnd(22)} ${driver}: ${why}`),
    ...(config.dev ? ["  stop with Ctrl-C"] : []),
  ];
  return `${lines.join("\n")}\n`;
}

const systemsCodes = new Set(["EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "ENOENT", "ENOTFOUND", "ECONNREFUSED"]);

/** Errors whose own words are enough for the operator: nothing in the code is wrong. */
function isOperators(error: unknown): error is Error {
  if (!isNativeError(error)) return false;
  if (error instanceof ConfigError || error instanceof StoreInUseError) return true;
  if (error instanceof NotDurableError || error instanceof NewerSchemaError) return true;
  return "code" in error && systemsCodes.has(String(error.code));
}

/** Resolves at the first signal to stop; the second one ends the process at once. */
export function askedToStop(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let asked = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      if (asked) process.exit(1);
      asked = true;
      resolve(signal);
    });
  return promise;
}

/**
 * Runs a server until it is told to stop (SIGTERM or SIGINT).
 *
 * @returns The process's exit code: 0, 1 where the server could not start or stop well, 2 for a wrong setting.
 */
export async function runServer(argv: readonly string[], options: RunOptions = {}): Promise<number> {
  const write = options.write ?? ((text) => void process.stdout.write(text));
  const complain = options.complain ?? ((text) => void process.stderr.write(text));
  if (argv.includes("--help") || argv.includes("-h")) {
    write(usage + settingsHelp());
    return 0;
  }
  try {
    const config = readConfig(argv, options.environment ?? process.env);
    const stop = askedToStop();
    const server = await startServer(config, { processMetrics: true });
    write(banner(config, server));
    await stop;
    await server.stop();
    return 0;
  } catch (error) {
    if (!isOperators(error)) throw error;
    complain(`photon server: ${error.message}\n`);
    return error instanceof ConfigError ? 2 : 1;
  }
}
