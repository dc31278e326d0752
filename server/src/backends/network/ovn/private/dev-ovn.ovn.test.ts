import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { command, runCommand } from "../../../linux/command.ts";
import { describeOnOvn } from "../testing/require.ts";
import { startDevOvn } from "./dev-ovn.ts";
import { type OutsideChoice, usualOutside } from "./outside.ts";
import type { PrivateOvn } from "./private-ovn.ts";

const start = (dataDir: string, outside: OutsideChoice = usualOutside, log = (_: string) => {}) =>
  startDevOvn({ dataDir, outside, log });

/** Stops it at the end of its block, if it still runs. */
function stopped(ovn: PrivateOvn): PrivateOvn & AsyncDisposable {
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= ovn.stop());
  return { ...ovn, stop, [Symbol.asyncDispose]: stop };
}

describeOnOvn("startDevOvn()", () => {
  const base = mkdtempSync("/tmp/p");
  afterAll(() => rmSync(base, { recursive: true, force: true }));

  test("works in a folder whose path is too long for sockets, and says where everything is", async () => {
    const dataDir = join(base, "a-name-that-goes-on-and-on".repeat(4));
    const ovn = await start(dataDir);
    const told = JSON.parse(readFileSync(join(dataDir, "network.json"), "utf8"));
    expect(told).toMatchObject({ northbound: ovn.northbound, hosts: [{ systemId: "h1" }] });
    const socket = ovn.northbound.replace("unix:", "");
    expect(socket.length).toBeLessThan(108);
    expect(existsSync(socket)).toBe(true);
    await ovn.stop();
    expect(existsSync(socket)).toBe(false);
    expect(existsSync(join(dataDir, "network.json"))).toBe(false);
  }, 30_000);

  test("a second one beside it has an outside and switches of its own, which the end of the first leaves alone (T9)", async () => {
    await using first = stopped(await start(join(base, "one")));
    await using second = stopped(await start(join(base, "two")));
    expect(second.outside).toMatch(/-out$/);
    const inOutside = ["netns", "exec", second.outside ?? "", "ping", "-c", "1", "-W", "1", "203.0.113.1"];
    expect((await runCommand("ip", inOutside)).code).toBe(0);
    // The number comes back when the host's flows are in its switch, which it speaks to by the switch's own socket.
    const sync = ({ northbound }: PrivateOvn) =>
      command("ovn-nbctl", [`--db=${northbound}`, "--timeout=30", "--wait=hv", "sync"], { timeoutMs: 31_000 });
    await sync(first);
    await sync(second);
    await first.stop();
    await sync(second);
  }, 90_000);
});
