// The README's first command, run as a stranger runs it: it deploys examples/quickstart with the real cdktf and Terraform.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

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
}, 240_000);
