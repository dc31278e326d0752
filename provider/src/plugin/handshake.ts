// The start of a plugin (github.com/hashicorp/go-plugin: docs/internals.md): what Terraform puts into the environment, and the one line that it waits for.
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Identity } from "./certificate.ts";

const cookie = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/** What Terraform asks for. */
export interface Invitation {
  /** PEM; undefined where TLS is off. */
  readonly clientCertificate: string | undefined;
  readonly socketDirectory: string | undefined;
  readonly multiplex: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the invitation.
 *
 * @throws Error with a sentence for the user if nobody invited us, or if we have no common protocol.
 */
export function readInvitation(env: Environment): Invitation {
  if (env.TF_PLUGIN_MAGIC_COOKIE !== cookie)
    throw new Error(
      "This program is the PhotonCloud provider of Terraform: Terraform starts it, it does nothing alone.",
    );
  const versions = (env.PLUGIN_PROTOCOL_VERSIONS ?? "").split(",");
  if (!versions.includes("6"))
    throw new Error("The PhotonCloud provider speaks plugin protocol 6: it needs Terraform 1.0 or newer, or OpenTofu.");
  return {
    clientCertificate: env.PLUGIN_CLIENT_CERT || undefined,
    socketDirectory: env.PLUGIN_UNIX_SOCKET_DIR || undefined,
    multiplex: env.PLUGIN_MULTIPLEX_GRPC !== undefined,
  };
}

/** Where to listen: a Unix socket, or TCP where the path would be too long (108 bytes with its end, unix(7)) or on Windows. */
export function listenAddress(directory: string | undefined): { path: string } | { host: string; port: number } {
  const path = join(directory ?? tmpdir(), `plugin${randomBytes(8).toString("hex")}`);
  const fits = process.platform !== "win32" && Buffer.byteLength(path) < 104;
  return fits ? { path } : { host: "127.0.0.1", port: 0 };
}

/** core protocol | app protocol | network | address | grpc | our certificate | and whether we multiplex, if asked. */
export function handshakeLine(address: string, own: Identity | undefined, multiplex: boolean): string {
  const network = address.startsWith("127.0.0.1:") ? "tcp" : "unix";
  const certificate = own?.der.toString("base64").replace(/=+$/, "") ?? "";
  return `1|6|${network}|${address}|grpc|${certificate}${multiplex ? "|false" : ""}\n`;
}
