// Serves a provider to the Terraform that started this process, until Terraform says Shutdown or is gone.
import { unlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { newIdentity } from "./certificate.ts";
import { handshakeLine, type Invitation, listenAddress } from "./handshake.ts";
import { log } from "./log.ts";
import type { Method, Methods } from "./method.ts";

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
export async function listen(server: Server, directory: string | undefined): Promise<string> {
  const address = listenAddress(directory);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => resolve());
  });
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? `127.0.0.1:${bound.port}` : String(bound);
}

/**
 * Takes connections for a server that is not loaded yet: HTTP/2 and TLS take as long to load as all that goes before, and Terraform, which connects as
 * soon as it is told where, need not wait for them to be told.
 */
export function doorTo(load: () => Promise<Server>): Server {
  return createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    load().then(
      (server) => server.emit("connection", socket),
      (error: unknown) => socket.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  });
}

/** Resolves when Terraform can read it. */
const tell = (line: string) => new Promise<void>((resolve) => process.stdout.write(line, () => resolve()));

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
  const [own, client] = [pluginMethods(shutdown), invitation.clientCertificate];
  const mutual = client === undefined ? undefined : { own: newIdentity(), client };
  let loading: Promise<Server> | undefined;
  const load = () => {
    const served = { get: (path: string) => own.get(path) ?? methods.get(path) };
    loading ??= import("./grpc.ts").then(({ grpcServer }) => grpcServer(served, mutual));
    return loading;
  };
  address = await listen(doorTo(load), invitation.socketDirectory);
  await tell(handshakeLine(address, mutual?.own, invitation.multiplex));
  await load();
}
