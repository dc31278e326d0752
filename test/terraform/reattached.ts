// The provider inside the test's own process: Terraform connects to it instead of starting one, so that a command takes a tenth of a second.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { address } from "../../provider/scripts/mirror.ts";
import { Journal } from "../../provider/src/journal.ts";
import { grpcServer } from "../../provider/src/plugin/grpc.ts";
import { providerMethods } from "../../provider/src/plugin/provider-methods.ts";
import { listen } from "../../provider/src/plugin/serve.ts";
import { createProvider } from "../../provider/src/provider.ts";
import { type Connection, SdkCloud } from "../../provider/src/sdk-cloud.ts";
import { environment, type Login } from "./workspace.ts";

export interface Reattached {
  /** For Terraform's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the provider listens. */
  readonly socket: string;
  close(): void;
}

/** Serves a provider that logs in as this. Every answer is checked by the oracle. `more`: for its environment. */
export async function reattach(login: Login, more: Readonly<Record<string, string>> = {}): Promise<Reattached> {
  const folder = mkdtempSync(join(tmpdir(), "photon-reattach-"));
  const env = { ...environment(login, "/dev/null"), ...more };
  const journal = new Journal(join(folder, "journal"));
  const connect = (to: Connection) => new SdkCloud({ ...to, credentials: login.fresh ?? to.credentials });
  const server = grpcServer(providerMethods(createProvider({ env, journal: async () => journal, connect })), undefined);
  const socket = await listen(server, folder);
  const attached = {
    Protocol: "grpc",
    ProtocolVersion: 6,
    Pid: process.pid,
    Test: true,
    Addr: { Network: "unix", String: socket },
  };
  return {
    socket,
    env: { ...env, TF_REATTACH_PROVIDERS: JSON.stringify({ [address]: attached }) },
    close() {
      server.close();
      journal.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
