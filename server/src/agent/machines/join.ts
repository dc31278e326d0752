// Makes this machine a host: trades a token for a certificate.
import { readFileSync } from "node:fs";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { HostJoiningService } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { ConfigError } from "../../config-error.ts";
import { requestCertificate } from "../../x509.ts";
import { writeIdentity } from "./identity.ts";

export interface JoinOptions {
  readonly server: string;
  readonly token: string;
  readonly name: string;
  /** host:port, of this machine. */
  readonly listen: string;
  /** host:port, as the server sees it. */
  readonly address: string;
  readonly dataDir: string;
  /** The authority that certifies the server, PEM; undefined: those that the system trusts. */
  readonly caFile: string | undefined;
}

/** In milliseconds. */
const joinMs = 30_000;

/** @throws ConnectError with the server's words if it does not let us in. */
export async function join(options: JoinOptions): Promise<void> {
  const { server, token, name, listen, address, dataDir, caFile } = options;
  refusePlaintext(server);
  const ca = caFile === undefined ? {} : { ca: readFileSync(caFile, "utf8") };
  const transport = createConnectTransport({ httpVersion: "1.1", baseUrl: server, nodeOptions: ca });
  const { key, request } = await requestCertificate(name);
  const asked = { token, hostId: name, address, certificateRequest: request };
  const answer = await createClient(HostJoiningService, transport).joinHost(asked, { timeoutMs: joinMs });
  const { certificate, authority } = answer;
  writeIdentity(dataDir, { hostId: name, listen, key, certificate, authority });
}

/** Whoever reads the token on its way could join in our place. @throws ConfigError */
function refusePlaintext(server: string): void {
  const url = URL.parse(server);
  if (url === null)
    throw new ConfigError(`--server ${server} is no URL; give the server's, as https://cloud.example:50080`);
  const isHere = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url.protocol === "https:" || (url.protocol === "http:" && isHere)) return;
  throw new ConfigError(`--server ${server} would send the token in the clear: give an https URL`);
}
