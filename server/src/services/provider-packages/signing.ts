// The cloud's own OpenPGP key (RFC 9580), which signs the checksums of the provider's packages: Terraform's registry protocol knows no other
// signature. It is made when it is first asked for, and kept in the store as the signing keys of tokens are.
import type { Records } from "../../store/store.ts";
import { keptOnce } from "../iam/tokens/sealed-record.ts";
import type { Sealing } from "../iam/tokens/sealing.ts";

const space = "provider/signing";
const record = "openpgp";
const owner = { name: "PhotonCloud provider packages" };

export interface Signer {
  /** As the registry protocol names it: the last 16 hexadecimal digits of the fingerprint, in capitals. */
  readonly keyId: string;
  /** Armored. */
  readonly publicKey: string;
  /** A detached signature, in binary form. */
  sign(text: string): Promise<Buffer>;
}

/** Reads the key, or makes it. */
export async function openSigner(records: Records, sealing: Sealing): Promise<Signer> {
  const pgp = await import("openpgp");
  const armored = await keptOnce({ records, sealing, space, key: record }, make);
  const privateKey = await pgp.readPrivateKey({ armoredKey: armored });
  return {
    keyId: privateKey.getKeyID().toHex().toUpperCase(),
    publicKey: privateKey.toPublic().armor(),
    async sign(text) {
      const message = await pgp.createMessage({ binary: Buffer.from(text) });
      const signed = await pgp.sign({ message, signingKeys: privateKey, detached: true, format: "binary" });
      return Buffer.from(signed);
    },
  };
}

/** RSA, since the OpenPGP that Terraform carries verifies it in every version; 3072 bits are good beyond 2030 (NIST SP 800-57 part 1). */
async function make(): Promise<string> {
  const pgp = await import("openpgp");
  const { privateKey } = await pgp.generateKey({ type: "rsa", rsaBits: 3072, userIDs: [owner], format: "armored" });
  return privateKey;
}
