// A self-signed certificate of a fresh P-256 key, written in DER (X.690, RFC 5280): Terraform trusts exactly this one.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface Identity {
  /** PEM */
  readonly key: string;
  /** PEM */
  readonly certificate: string;
  readonly der: Buffer;
}

function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const size = body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), body]);
}

const sequence = (...parts: readonly Uint8Array[]) => tlv(0x30, ...parts);
const octets = (...parts: readonly Uint8Array[]) => tlv(0x04, ...parts);
const oid = (...bytes: number[]) => tlv(0x06, Buffer.from(bytes));
const always = Buffer.of(0x01, 0x01, 0xff);

/** 1.2.840.10045.4.3.2 */
const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
/** 2.5.29.n */
const extension = (n: number, critical: boolean, value: Uint8Array) =>
  sequence(oid(0x55, 0x1d, n), ...(critical ? [always] : []), octets(value));
/** 1.3.6.1.5.5.7.3.n */
const purpose = (n: number) => oid(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, n);

const commonName = sequence(tlv(0x31, sequence(oid(0x55, 0x04, 0x03), tlv(0x0c, Buffer.from("localhost")))));

const extensions = tlv(
  0xa3,
  sequence(
    // keyUsage: digitalSignature, keyEncipherment, keyAgreement, keyCertSign
    extension(15, true, Buffer.of(0x03, 0x02, 0x02, 0xac)),
    extension(37, false, sequence(purpose(1), purpose(2))),
    extension(19, true, sequence(always)),
    extension(17, false, sequence(tlv(0x82, Buffer.from("localhost")))),
  ),
);

/** UTCTime, for the years to 2049 (RFC 5280 section 4.1.2.5.1). */
const utcTime = (time: Date) => tlv(0x17, Buffer.from(`${time.toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`));

/** A day back for clocks that differ; a year on, longer than any Terraform run. */
const validity = (now: number) =>
  sequence(utcTime(new Date(now - 86_400_000)), utcTime(new Date(now + 365 * 86_400_000)));

function toBeSigned(publicKey: KeyObject): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return sequence(
    tlv(0xa0, tlv(0x02, Buffer.of(2))),
    tlv(0x02, serial),
    ecdsaWithSha256,
    commonName,
    validity(Date.now()),
    commonName,
    publicKey.export({ type: "spki", format: "der" }),
    extensions,
  );
}

/** Makes a key and its certificate for localhost, good for both ends of a connection. */
export function newIdentity(): Identity {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const body = toBeSigned(publicKey);
  const signature = sign("sha256", body, privateKey);
  const der = sequence(body, ecdsaWithSha256, tlv(0x03, Buffer.of(0), signature));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    der,
  };
}
