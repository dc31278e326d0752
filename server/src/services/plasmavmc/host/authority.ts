// The cloud's own certificate authority: it certifies the agents of hosts to servers and servers to agents, and nothing else. Its key is kept
// in the store, encrypted as the signing keys of tokens are.
import { randomBytes, type webcrypto } from "node:crypto";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Records } from "../../../store/store.ts";
import { algorithm, loadX509, newKeys, privateKeyOf, privatePem } from "../../../x509.ts";
import { keptOnce } from "../../iam/tokens/sealed-record.ts";
import type { Sealing } from "../../iam/tokens/sealing.ts";

const space = "hosts/authority";
const key = "ca";
const dayMs = 86_400_000;
/** An authority outlives the hardware that it certifies. */
const authorityDays = 3_650;
/** Long enough for a host that is down for a while, short enough that a stolen key is soon worthless even if nobody notices. */
const hostDays = 30;
/** A server makes its own anew every day. */
const serverDays = 2;
const issuer = "CN=PhotonCloud hosts";

export interface Certificate {
  readonly pem: string;
  /** In hexadecimal. */
  readonly serial: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface Authority {
  /** Its own certificate, in PEM. */
  readonly certificate: string;
  /** Certifies the key of an agent. @throws Fault INVALID_FIELDS if the request (PEM) is none, or its key is not of the kind that we use. */
  certifyHost(name: string, request: string): Promise<Certificate>;
  /** A new key of a server, and its certificate, in PEM. */
  serverIdentity(name: string): Promise<{ readonly cert: string; readonly key: string }>;
}

interface Kept {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface AuthorityParts {
  readonly records: Records;
  readonly sealing: Sealing;
  readonly clock: Clock;
}

/** Reads the authority, or makes it. */
export async function openAuthority(parts: AuthorityParts): Promise<Authority> {
  const kept: Kept = JSON.parse(await keptOnce({ ...parts, space, key }, () => make(parts)));
  const signingKey = await privateKeyOf(kept.privateKey);
  const x509 = await loadX509();
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const certify = (publicKey: Subject["publicKey"], name: string, days: number, usage: readonly string[]) =>
    sign({ publicKey, name, days, usage, signingKey, now: parts.clock.now() });
  return {
    certificate: kept.certificate,
    // Agents answer servers, and call each other when a machine moves.
    async certifyHost(name, request) {
      return certify((await readRequest(request)).publicKey, name, hostDays, [serverAuth, clientAuth]);
    },
    async serverIdentity(name) {
      const keys = await newKeys();
      const { pem } = await certify(keys.publicKey, name, serverDays, [clientAuth]);
      return { cert: pem, key: await privatePem(keys.privateKey) };
    },
  };
}

/** Opens the authority when it is first asked for; after a failure, with the next question. */
export function lateAuthority(parts: AuthorityParts): () => Promise<Authority> {
  let opened: Promise<Authority> | undefined;
  return () =>
    (opened ??= openAuthority(parts).catch((error: unknown) => {
      opened = undefined;
      throw error;
    }));
}

async function make({ clock }: AuthorityParts): Promise<string> {
  const x509 = await loadX509();
  const keys = await newKeys();
  const now = clock.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: issuer,
    keys,
    signingAlgorithm: algorithm,
    serialNumber: newSerial(),
    ...between(now, authorityDays),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return JSON.stringify({
    certificate: `${certificate.toString("pem")}\n`,
    privateKey: await privatePem(keys.privateKey),
  } satisfies Kept);
}

/** A day of grace for a clock that is behind. */
const between = (now: number, days: number) => ({
  notBefore: new Date(now - dayMs),
  notAfter: new Date(now + days * dayMs),
});

/** 127 random bits: a serial number is positive (RFC 5280 section 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

async function readRequest(pem: string) {
  const x509 = await loadX509();
  const wrong = (cause?: unknown) =>
    new Fault("INVALID_FIELDS", "certificate_request: it is no signed request for an ECDSA key on P-256, in PEM", {
      violations: [{ path: "certificate_request", rule: "format", message: "no signed request for a P-256 key" }],
      cause,
    });
  try {
    const request = new x509.Pkcs10CertificateRequest(pem);
    const { name, ...rest } = request.publicKey.algorithm;
    const isOurs = name === algorithm.name && "namedCurve" in rest && rest.namedCurve === algorithm.namedCurve;
    if (isOurs && (await request.verify())) return request;
  } catch (error) {
    throw wrong(error);
  }
  throw wrong();
}

interface Subject {
  readonly publicKey: webcrypto.CryptoKey | Awaited<ReturnType<typeof readRequest>>["publicKey"];
  readonly name: string;
  readonly days: number;
  readonly usage: readonly string[];
  readonly signingKey: webcrypto.CryptoKey;
  readonly now: number;
}

async function sign({ publicKey, name, days, usage, signingKey, now }: Subject): Promise<Certificate> {
  const x509 = await loadX509();
  const validity = between(now, days);
  const serial = newSerial();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer,
    publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    serialNumber: serial,
    ...validity,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([...usage]),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
    ],
  });
  return { pem: `${certificate.toString("pem")}\n`, serial, expiresAt: validity.notAfter.getTime() };
}
