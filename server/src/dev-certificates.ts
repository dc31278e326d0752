// `--dev --tls`: a certificate authority and a server certificate of one's own, kept in the data folder and used again at the next start.
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { algorithm, loadX509, newKeys, privatePem } from "./x509.ts";

/** Where the files are, and what they hold, in PEM. */
export interface DevCertificates {
  readonly caFile: string;
  readonly cert: string;
  readonly key: string;
}

const dayMs = 86_400_000;
/** The most that browsers take for a certificate made after September 2020. */
const serverDays = 397;
const caDays = 3_650;
/** A certificate that ends sooner than this is made anew. */
const renewBeforeMs = 7 * dayMs;

const between = (now: number, days: number) => ({
  notBefore: new Date(now - dayMs),
  notAfter: new Date(now + days * dayMs),
});

/** Names that the certificate is good for. */
function namesOf(hosts: readonly string[]): readonly string[] {
  return [...new Set(["localhost", "127.0.0.1", "::1", ...hosts])].filter(
    (host) => host !== "0.0.0.0" && host !== "::",
  );
}

async function make(folder: string, hosts: readonly string[], now: number): Promise<void> {
  const x509 = await loadX509();
  const authority = await newKeys();
  const server = await newKeys();
  const name = "CN=PhotonCloud development CA";
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    ...between(now, caDays),
    signingAlgorithm: algorithm,
    keys: authority,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  const alternatives = namesOf(hosts).map((value) => ({
    type: isIP(value) ? ("ip" as const) : ("dns" as const),
    value,
  }));
  const cert = await x509.X509CertificateGenerator.create({
    subject: "CN=PhotonCloud development server",
    issuer: name,
    ...between(now, serverDays),
    signingAlgorithm: algorithm,
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(alternatives),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, "ca.pem"), `${ca.toString("pem")}\n`);
  writeFileSync(join(folder, "server.pem"), `${cert.toString("pem")}\n${ca.toString("pem")}\n`);
  writeFileSync(join(folder, "server.key"), await privatePem(server.privateKey), { mode: 0o600 });
}

/** Whether the certificate that is there is still good for these names. */
function isGood(file: string, hosts: readonly string[], now: number): boolean {
  if (!existsSync(file)) return false;
  const cert = new X509Certificate(readFileSync(file));
  const covers = (host: string) => (isIP(host) ? cert.checkIP(host) : cert.checkHost(host)) !== undefined;
  return Date.parse(cert.validTo) - now > renewBeforeMs && namesOf(hosts).every(covers);
}

/**
 * Reads the certificates of a data folder, or makes them.
 *
 * @param hosts Names and addresses that the server is reached by, beside localhost.
 */
export async function devCertificates(
  dataDir: string,
  hosts: readonly string[],
  now: number,
): Promise<DevCertificates> {
  const folder = join(dataDir, "tls");
  if (!isGood(join(folder, "server.pem"), hosts, now)) await make(folder, hosts, now);
  return {
    caFile: join(folder, "ca.pem"),
    cert: readFileSync(join(folder, "server.pem"), "utf8"),
    key: readFileSync(join(folder, "server.key"), "utf8"),
  };
}
