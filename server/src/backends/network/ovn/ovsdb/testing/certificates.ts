// A certificate authority for tests, whose certificates may be for any name and time.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { algorithm, loadX509, newKeys, privatePem } from "../../../../../x509.ts";
import type { TlsFiles } from "../database.ts";

const dayMs = 86_400_000;

export interface Authority {
  readonly caFile: string;
  /** Writes a key and a certificate for a name. `days`: how long it is still valid; less than 0: so long ago it ended. Default 1. */
  issue(name: string, days?: number): Promise<TlsFiles>;
}

/** Makes an authority whose files are in a folder. */
export async function newAuthority(dir: string, name: string): Promise<Authority> {
  const x509 = await loadX509();
  const keys = await newKeys();
  const lasting = (days: number) => ({
    notBefore: new Date(Date.now() - 30 * dayMs),
    notAfter: new Date(Date.now() + days * dayMs),
  });
  const signing = { signingAlgorithm: algorithm };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...signing,
    ...lasting(1),
    name: `CN=${name}`,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const caFile = join(dir, `${name}.pem`);
  await writeFile(caFile, `${ca.toString("pem")}\n`);
  let issued = 0;
  return {
    caFile,
    async issue(host, days = 1) {
      const own = await newKeys();
      const certificate = await x509.X509CertificateGenerator.create({
        ...signing,
        ...lasting(days),
        subject: `CN=${host}`,
        issuer: `CN=${name}`,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: host }])],
      });
      issued++;
      const [keyFile, certFile] = [join(dir, `${name}-${issued}.key`), join(dir, `${name}-${issued}.crt`)];
      await writeFile(keyFile, await privatePem(own.privateKey), { mode: 0o600 });
      await writeFile(certFile, `${certificate.toString("pem")}\n`);
      return { keyFile, certFile, caFile };
    },
  };
}
