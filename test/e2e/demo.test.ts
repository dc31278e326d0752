// The README's first command, run as a stranger runs it: it deploys examples/quickstart with the real cdktf and Terraform.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { tinyImageMissing } from "../../scripts/images/tiny.ts";
import { qemuMissing } from "../../server/src/backends/hypervisor/qemu/index.ts";
import { ovnMissing } from "../../server/src/backends/network/ovn/private/missing.ts";
import { describeOnOvn } from "../../server/src/backends/network/ovn/testing/require.ts";

/** Why no real guests are seen; undefined: they are. */
const guestsMissing = ovnMissing() ?? qemuMissing() ?? tinyImageMissing();
const root = join(import.meta.dirname, "../..");

interface Running {
  readonly pid: number;
  readonly said: () => string;
}

/** Runs it, and something beside it. */
function demo(beside?: (running: Running) => Promise<void>): Promise<{ code: number | null; output: string }> {
  const child = spawn("npm", ["run", "-s", "demo"], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const meanwhile = beside?.({ pid: child.pid ?? 0, said: () => output }) ?? Promise.resolve();
  return Promise.all([closed, meanwhile]).then(([code]) => ({ code, output }));
}

/** The data folder of the server that a process has started, itself or by its children. */
function dataFolderUnder(pid: number): string | undefined {
  const read = (one: number, file: string) => {
    try {
      return readFileSync(`/proc/${one}/${file}`, "utf8");
    } catch {
      // It has ended.
      return "";
    }
  };
  const words = read(pid, "cmdline").split("\0");
  const at = words.indexOf("--data");
  if (at >= 0) return words[at + 1];
  const children = read(pid, `task/${pid}/children`).split(" ").filter(Boolean).map(Number);
  return children.flatMap((child) => dataFolderUnder(child) ?? [])[0];
}

/** Kills each daemon of the demo's OVN, one after the other, once the deploy is under way. Answers how many. */
async function pullEveryPlug({ pid, said }: Running): Promise<number> {
  for (const end = Date.now() + 120_000; !said().includes("Creation complete"); await wait(20))
    if (Date.now() > end) throw new Error(`the deploy does not begin: ${said()}`);
  const ovn = join(dataFolderUnder(pid) ?? "", "ovn");
  const files = readdirSync(ovn, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".pid"));
  for (const file of files) {
    process.kill(Number(readFileSync(join(ovn, file), "utf8")), "SIGKILL");
    await wait(300);
  }
  return files.length;
}

function expectWhole({ code, output }: { readonly code: number | null; readonly output: string }): void {
  expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
  expect(output).toMatch(/Apply complete! Resources: 9 added, 0 changed, 0 destroyed/);
  expect(output).toContain("No changes. Your infrastructure matches the configuration.");
  expect(output).toContain("permission_denied");
  expect(output).toMatch(/Destroy complete! Resources: 9 destroyed/);
  if (guestsMissing === undefined)
    expect(output).toMatch(/outside\$ .*http:\/\/203\.0\.113\.\d+\/\n +hello from web\n/);
  else expect(output).toContain(`No guest runs here: ${guestsMissing}`);
}

test("npm run demo deploys the quickstart, plans nothing more, refuses a stranger and cleans up", async () => {
  expectWhole(await demo());
}, 240_000);

describeOnOvn("npm run demo, with its network's plugs pulled", () => {
  test("ends as ever although every daemon is killed during the deploy", async () => {
    let pulled = 0;
    const ended = await demo(async (running) => {
      pulled = await pullEveryPlug(running);
    });
    expectWhole(ended);
    expect(pulled).toBe(6);
  }, 300_000);
});
