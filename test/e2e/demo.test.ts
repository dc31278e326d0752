// The README's first command, run as a stranger runs it: it deploys examples/quickstart with the real cdktf and Terraform.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { tinyImageMissing } from "../../scripts/images/tiny.ts";
import { qemuMissing } from "../../server/src/backends/hypervisor/qemu/index.ts";
import { ovnMissing } from "../../server/src/backends/network/ovn/private/missing.ts";

/** Why no real guests are seen; undefined: they are. */
const guestsMissing = ovnMissing() ?? qemuMissing() ?? tinyImageMissing();
const root = join(import.meta.dirname, "../..");

function demo(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn("npm", ["run", "-s", "demo", "--", ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
}

test("npm run demo deploys the quickstart, plans nothing more, refuses a stranger and cleans up", async () => {
  const { code, output } = await demo();
  expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
  expect(output).toMatch(/Apply complete! Resources: 9 added, 0 changed, 0 destroyed/);
  expect(output).toContain("No changes. Your infrastructure matches the configuration.");
  expect(output).toContain("permission_denied");
  expect(output).toMatch(/Destroy complete! Resources: 9 destroyed/);
  if (guestsMissing === undefined)
    expect(output).toMatch(/outside\$ .*http:\/\/203\.0\.113\.\d+\/\n +hello from web\n/);
  else expect(output).toContain(`No guest runs here: ${guestsMissing}`);
}, 240_000);
