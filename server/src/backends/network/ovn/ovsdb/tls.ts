// TLS to a server. What goes wrong with it is nearly always a file that was given, so every fault is told with the setting that it came by.
import { readFile } from "node:fs/promises";
import { checkServerIdentity, connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import { hasCode } from "../../../../has-code.ts";
import { OvsdbError, type TlsFiles } from "./database.ts";

/** How the parts of `TlsFiles` are given to our programs. */
const settings = {
  keyFile: "ovn-tls-key",
  certFile: "ovn-tls-cert",
  caFile: "ovn-tls-ca",
  serverName: "ovn-tls-name",
} as const satisfies Record<keyof TlsFiles, string>;

const notSigned = `is not signed by the authority of ${settings.caFile}`;
const ours = `the server does not take the certificate of ${settings.certFile}`;

const noTls = "the server does not speak TLS there; is it tcp: and not ssl:?";

/** By the codes of Node and OpenSSL. */
const faults: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: `the server's certificate ${notSigned}`,
  SELF_SIGNED_CERT_IN_CHAIN: `the server's certificate ${notSigned}`,
  UNABLE_TO_GET_ISSUER_CERT: `the server's certificate ${notSigned}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `the server's certificate ${notSigned}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `the server's certificate ${notSigned}`,
  CERT_SIGNATURE_FAILURE: `the server's certificate ${notSigned}`,
  CERT_HAS_EXPIRED: `the server's certificate, or the one of ${settings.caFile}, has expired`,
  CERT_NOT_YET_VALID: `the server's certificate, or the one of ${settings.caFile}, is not valid yet`,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
};

/** What a server says of our certificate (RFC 8446, section 6.2), as the end of OpenSSL's code. */
const alerts: Readonly<Record<string, string>> = {
  UNKNOWN_CA: `${ours}: it is not signed by the server's authority`,
  CERTIFICATE_EXPIRED: `${ours}: it has expired`,
  CERTIFICATE_UNKNOWN: ours,
  CERTIFICATE_REVOKED: `${ours}: it was revoked`,
  BAD_CERTIFICATE: ours,
  DECRYPT_ERROR: ours,
};

/** What was wrong with TLS, in words; undefined: nothing that is known. */
export function tlsFault(cause: unknown): string | undefined {
  if (typeof cause !== "object" || cause === null) return undefined;
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "";
  const fault = faults[code] ?? alerts[/_ALERT_(?<alert>\w+)$/.exec(code)?.groups?.alert ?? ""];
  return fault ?? ("cause" in cause ? tlsFault(cause.cause) : undefined);
}

/** Why TLS was not agreed. A server of another protocol hangs up at the first word. */
export function handshakeFault(cause: unknown): string | undefined {
  return hasCode(cause, "ECONNRESET") ? noTls : tlsFault(cause);
}

/** Starts a connection; the files are read anew each time, so that renewed ones count. @throws OvsdbError "refused" if a file is of no use. */
export async function startTls(address: { host: string; port: number }, tls: TlsFiles): Promise<TLSSocket> {
  const { serverName } = tls;
  const secureContext = await contextOf(tls);
  const socket = connect({
    ...address,
    secureContext,
    // OVN's own tools certify roles, not hosts, and check the chain alone. A name is checked where one was asked for.
    checkServerIdentity: (_host, certificate) => {
      const wrong = serverName === undefined ? undefined : checkServerIdentity(serverName, certificate);
      return (
        wrong &&
        new Error(`the server's certificate is not for "${serverName}" (${settings.serverName})`, { cause: wrong })
      );
    },
  });
  return socket.setNoDelay(true);
}

/** Reads the files. @throws OvsdbError "refused" if one can't be read, is no PEM, or does not go with the others. */
export async function contextOf({ keyFile, certFile, caFile }: TlsFiles): Promise<SecureContext> {
  const key = await part("keyFile", keyFile);
  const cert = await part("certFile", certFile);
  const ca = await part("caFile", caFile);
  try {
    return createSecureContext({ key, cert, ca });
  } catch (cause) {
    const why = `${settings.keyFile} (${keyFile}) is not the key of ${settings.certFile} (${certFile})`;
    throw new OvsdbError("refused", why, { cause });
  }
}

async function part(name: "keyFile" | "certFile" | "caFile", file: string): Promise<Buffer> {
  try {
    const content = await readFile(file);
    createSecureContext({ [name.slice(0, -"File".length)]: content });
    return content;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OvsdbError("refused", `${settings[name]} can't be used: ${file}: ${why}`, { cause });
  }
}
