// A microVM's interfaces, with real devices in a network namespace of their own, and a stand-in in Firecracker's place.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { HostNetwork } from "../../network/host-network.ts";
import { sampleMachine, untilMachine } from "../contract.ts";
import { firecrackerMissing, openFirecracker } from "./index.ts";
import { microvmFiles } from "./layout.ts";
import { installStandIn } from "./testing/stand-in.ts";

const root = mkdtempSync(join(tmpdir(), "pi-"));
chmodSync(root, 0o711);
const namespace = `photon-${process.pid}`;
const program = installStandIn(join(root, "bin"));
const accelerator = { name: "kvm", why: "nothing runs in a stand-in" } as const;
const missing = process.getuid?.() === 0 ? await firecrackerMissing({ program, accelerator }) : "needs root";
const patienceMs = 20_000;
const { signal } = new AbortController();
const folders = { data: join(root, "data"), run: join(root, "r") };
const ip = (...args: string[]) => execFileSync("ip", args, { encoding: "utf8" });

/** Remembers what is plugged. */
function rememberingNetwork(plugged: Map<string, string>): HostNetwork {
  return {
    hostId: "host-1",
    namespace,
    plug: async ({ name, portId }) => void plugged.set(name, portId),
    unplug: async (name) => void plugged.delete(name),
    plugged: async () => [...plugged].map(([name, portId]) => ({ name, portId })),
    connections: async () => [],
    adopt: async () => {},
    close: async () => {},
  };
}

if (missing !== undefined)
  describe.skip(`a microVM's interfaces (${missing})`, () => test("are plugged", () => undefined));
else {
  ip("netns", "add", namespace);
  afterAll(() => {
    ip("netns", "del", namespace);
    rmSync(root, { recursive: true, force: true });
  });

  test("a microVM has its interfaces from its start; one that is taken from it is cut off at once", async () => {
    const plugged = new Map<string, string>();
    writeFileSync(join(root, "vmlinux"), "");
    const kernel = { image: join(root, "vmlinux") };
    const network = rememberingNetwork(plugged);
    const driver = await openFirecracker({ folders, program, accelerator, kernel, network });
    const nics = [1, 2].map((n) => ({ id: `eth${n}`, portId: `port-${n}`, macAddress: `fa:16:3e:00:00:0${n}` }));
    const { imageId: _, ...empty } = sampleMachine("vm-nics", "");
    await driver.define({ ...empty, nics }, signal);
    await driver.start("vm-nics", signal);
    await untilMachine(driver, "vm-nics", "running", patienceMs);
    expect([...plugged.values()]).toEqual(["port-1", "port-2"]);
    expect(readFileSync(microvmFiles(folders, "vm-nics").consoleLog, "utf8")).toMatch(
      /^nics=fa:16:3e:00:00:01,fa:16:3e:00:00:02$/m,
    );
    expect(await driver.statistics("vm-nics", signal)).toMatchObject({ nics: [{ id: "eth1" }, { id: "eth2" }] });

    await driver.define({ ...empty, nics: nics.slice(0, 1) }, signal);
    expect([...plugged.values()]).toEqual(["port-1"]);
    expect(await driver.state("vm-nics")).toEqual({ state: "running", needsRestart: true });
    await driver.define({ ...empty, nics }, signal);
    expect([...plugged.values()]).toEqual(["port-1", "port-2"]);
    expect(await driver.state("vm-nics")).toEqual({ state: "running", needsRestart: false });

    await driver.stop("vm-nics", { graceMs: 0 }, signal);
    await untilMachine(driver, "vm-nics", "stopped", patienceMs);
    expect([...plugged]).toEqual([]);
    expect(ip("-n", namespace, "-br", "link")).not.toMatch(/pt[0-9a-f]{12}/);
    await driver.remove("vm-nics", signal);
    await driver.close();
  });
}
