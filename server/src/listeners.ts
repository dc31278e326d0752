// The ports that a server opens, and the certificates that it shows there.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { devCertificates } from "./dev-certificates.ts";
import type { Parts } from "./parts.ts";
import { type Edge, type Listener, type ListenOptions, listen, metricsHandler } from "./rpc/index.ts";

export async function tlsOf(config: Config, clock: Clock) {
  if (config.tls === undefined) return { tls: undefined, caFile: undefined };
  if (config.tls === "made") {
    const hosts = config.listen.map(({ host }) => host);
    const { caFile, cert, key } = await devCertificates(resolve(config.dataDir), hosts, clock.now());
    return { tls: { cert, key }, caFile };
  }
  const { certFile, keyFile } = config.tls;
  return { tls: { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") }, caFile: undefined };
}

export async function openListeners(parts: Parts, edge: Edge, tls: ListenOptions["tls"]): Promise<Listener[]> {
  const listeners: Listener[] = [];
  try {
    for (const { host, port } of parts.config.listen)
      listeners.push(
        await listen(edge.handle, { host, port, ...(tls && { tls }), ...(edge.upgrade && { upgrade: edge.upgrade }) }),
      );
    if (parts.config.metricsListen !== undefined)
      listeners.push(await listen(metricsHandler(parts), parts.config.metricsListen));
    return listeners;
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close()));
    throw error;
  }
}
