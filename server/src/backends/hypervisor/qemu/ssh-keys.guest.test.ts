// The keys of a machine's owner open its guest, and no others: tried with Dropbear, which comes to the guest on a disk.
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { dropbearDisk } from "../../../../../scripts/images/dropbear.ts";
import { tinyImageMissing } from "../../../../../scripts/images/tiny.ts";
import { qemuMissing } from "./index.ts";
import { run } from "./programs.ts";
import { patienceMs, signal, TestHost } from "./testing/host.ts";

const missing = qemuMissing() ?? tinyImageMissing();
jest.setTimeout(3 * patienceMs);

/** As SSH sends it (RFC 4251, section 5). */
function string(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A key as OpenSSH writes its public half, and Dropbear its private one. */
function makeKey(): { readonly open: string; readonly secret: Buffer } {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { x = "", d = "" } = privateKey.export({ format: "jwk" });
  const [own, type] = [Buffer.from(x, "base64url"), string(Buffer.from("ssh-ed25519"))];
  const secret = string(Buffer.concat([Buffer.from(d, "base64url"), own]));
  return {
    open: `ssh-ed25519 ${Buffer.concat([type, string(own)]).toString("base64")} someone@somewhere`,
    secret: Buffer.concat([type, secret]),
  };
}

if (missing !== undefined) describe.skip(`SSH keys on QEMU (${missing})`, () => test("open", () => undefined));
else
  describe("SSH keys on QEMU", () => {
    const host = new TestHost();
    beforeAll(() => host.open());
    afterAll(() => host.close());

    test("the guest lets in who has its owner's key, and nobody else", async () => {
      const key = makeKey();
      const disks = ["root", "programs"].map((id) => ({ id, sizeGib: 1 }));
      await host.define("vm-keys", { disks, memoryMib: 256, sshKeys: [key.open] });
      const disk = host.files("vm-keys").disk("programs");
      await run(
        "qemu-img",
        ["convert", "-n", "-f", "qcow2", "-O", "qcow2", dropbearDisk(".photon/images"), disk],
        signal,
      );
      await host.driver.start("vm-keys", signal);
      await host.says("vm-keys", /READY/);
      const line = await host.driver.consoles.open("vm-keys", "serial", signal);
      const type = (words: string) => line.write(`${words}\n`);
      // To the end of the archive: tar reads all that it is given.
      type(
        "dd if=/dev/vdb bs=1M count=16 | tar -x -C /; echo root:x:0:0::/root:/bin/sh > /etc/passwd; mkdir /etc/dropbear",
      );
      type("/usr/sbin/dropbear -R -s -p 127.0.0.1:22; /usr/bin/dropbearkey -t ed25519 -f /run/other");
      type(`echo ${key.secret.toString("base64")} | base64 -d > /run/own`);
      const login = (name: string) => `/usr/bin/dbclient -y -y -T -i /run/${name} root@127.0.0.1`;
      type(`${login("own")} 'echo let-in-$((40 + 2))' < /dev/null`);
      await host.says("vm-keys", /let-in-42/);
      type(`${login("other")} 'echo let-in-$((50 + 2))' < /dev/null; echo refused-$?`);
      await host.says("vm-keys", /refused-[1-9]/);
      line.destroy();
      const said = Buffer.from(await host.driver.consoles.log("vm-keys", 1024 ** 2, signal)).toString("latin1");
      expect(said).not.toMatch(/let-in-52/);
    });
  });
