// Serves a provider to the Terraform that started this process, until Terraform says Shutdown or is gone.
import { unlinkSync } from "node:fs";
import type { Http2SecureServer, Http2Server } from "node:http2";
import { newIdentity } from "./certificate.ts";
import { grpcServer, type Method, type Methods, type Mutual } from "./grpc.ts";
import { handshakeLine, type Invitation, listenAddress } from "./handshake.ts";
import { log } from "./log.ts";

/** How often to look whether Terraform is still there: it says nothing when it is killed. */
const parentWatchMs = 500;

const nothing = new Uint8Array();
/** grpc.health.v1.HealthCheckResponse with status SERVING. */
const serving = Uint8Array.of(0x08, 0x01);

/** go-plugin's own services, as far as Terraform needs them. */
export function pluginMethods(shutdown: () => void): Methods {
  const stop: Method = async () => {
    shutdown();
    return nothing;
  };
  return new Map([
    ["/plugin.GRPCController/Shutdown", stop],
    ["/grpc.health.v1.Health/Check", async () => serving],
  ]);
}

/** Listens, and resolves with the address as the handshake line gives it. */
export async function listen(server: Http2Server | Http2SecureServer, directory: string | undefined): Promise<string> {
  const address = listenAddress(directory);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => resolve());
  });
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? `127.0.0.1:${bound.port}` : String(bound);
}

/** Ends the process when its parent has changed: Terraform was killed. */
function watchParent(exit: () => void): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) exit();
  }, parentWatchMs).unref();
}

/**
 * Serves until Shutdown, then ends the process.
 *
 * @param onShutdown Runs synchronously before the process ends in order.
 */
export async function servePlugin(invitation: Invitation, methods: Methods, onShutdown: () => void): Promise<void> {
  let address = "";
  const exit = (code: number) => {
    if (address.startsWith("/")) unlinkSync(address);
    process.exit(code);
  };
  // The answer to Shutdown leaves first; Terraform waits two seconds for the end and has nothing in flight.
  const shutdown = () => {
    onShutdown();
    setImmediate(() => setImmediate(() => exit(0)));
  };
  // Ctrl-C reaches the whole process group; Terraform then calls StopProvider.
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => log("info", "interrupted: waiting for Terraform to stop the provider"));
  watchParent(() => exit(1));
  const mutual: Mutual | undefined =
    invitation.clientCertificate === undefined
      ? undefined
      : { own: newIdentity(), client: invitation.clientCertificate };
  const own = pluginMethods(shutdown);
  const server = grpcServer({ get: (path) => own.get(path) ?? methods.get(path) }, mutual);
  address = await listen(server, invitation.socketDirectory);
  process.stdout.write(handshakeLine(address, mutual?.own, invitation.multiplex));
}
