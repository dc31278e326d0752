// X.509 certificates, which node:crypto reads and does not make.
import { webcrypto } from "node:crypto";

/** Of all keys that we certify. */
export const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** The library decorates its classes, which needs a polyfill; both are loaded only here, since most starts need neither. */
export async function loadX509() {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(webcrypto);
  return x509;
}

export const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);

/** A private key in PEM (PKCS #8). */
export async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${(bytes.match(/.{1,64}/g) ?? []).join("\n")}\n-----END PRIVATE KEY-----\n`;
}

/** What `privatePem` wrote. */
export function privateKeyOf(pem: string): Promise<webcrypto.CryptoKey> {
  const bytes = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
  return webcrypto.subtle.importKey("pkcs8", bytes, algorithm, false, ["sign"]);
}

/** A new key and a request to certify it (RFC 2986), both in PEM. */
export async function requestCertificate(name: string): Promise<{ readonly key: string; readonly request: string }> {
  const x509 = await loadX509();
  const keys = await newKeys();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
  });
  return { key: await privatePem(keys.privateKey), request: `${request.toString("pem")}\n` };
}
