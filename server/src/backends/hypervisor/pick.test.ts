import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { ConfigError } from "../../config-error.ts";
import { builtInFiles } from "./built-in.ts";
import { machineFolders } from "./folders.ts";
import { type HypervisorChoice, pickHypervisor } from "./pick.ts";

const root = mkdtempSync(join(tmpdir(), "pf-"));
chmodSync(root, 0o711);
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("builtInFiles() takes the newest file of each image, and no other", () => {
  const folder = join(root, "images");
  mkdirSync(folder);
  for (const [name, seconds] of [
    ["tiny-1.qcow2", 1],
    ["tiny-2.qcow2", 2],
    ["tiny.raw", 9],
    ["debian-12.qcow2", 1],
    ["debian-120.qcow2", 9],
  ] as const) {
    writeFileSync(join(folder, name), "");
    utimesSync(join(folder, name), seconds, seconds);
  }
  expect(Object.fromEntries(builtInFiles(folder, ["tiny", "debian-12", "ubuntu-24-04"]))).toEqual({
    tiny: join(folder, "tiny-2.qcow2"),
    "debian-12": join(folder, "debian-12.qcow2"),
  });
  expect(builtInFiles(join(root, "nowhere"), ["tiny"]).size).toBe(0);
});

describe("machineFolders()", () => {
  const dataDir = (name: string, mode: number) => {
    const folder = join(root, name);
    mkdirSync(folder);
    chmodSync(folder, mode);
    return folder;
  };

  test("keeps machines in the data folder where their users can enter it, and else where everybody can", () => {
    const open = dataDir("open", 0o711);
    expect(machineFolders(open, undefined).data).toBe(join(open, "qemu"));
    const closed = machineFolders(dataDir("closed", 0o700), undefined);
    expect(closed.data).toMatch(/^\/var\/lib\/photoncloud\/[0-9a-f]{8}$/);
    expect(machineFolders(open, "/srv/machines").data).toBe("/srv/machines");
  });

  test("gives every server short sockets' paths of its own", () => {
    const [one, two] = [dataDir("one", 0o700), dataDir("two", 0o700)].map((dir) => machineFolders(dir, undefined).run);
    expect(one).not.toBe(two);
    expect((one ?? "").length).toBeLessThan(40);
  });
});

describe("pickHypervisor() without a network that carries packets", () => {
  const choice = (driver: HypervisorChoice["driver"]): HypervisorChoice => ({
    driver,
    dataDir: root,
    images: undefined,
    machines: undefined,
    builtIn: [],
    log: () => {},
  });

  test("simulates, and says why", async () => {
    const asked = await pickHypervisor(choice("simulated"), undefined);
    expect(asked).toEqual({ real: undefined, why: "no guest runs: it was asked for" });
    const { real, why } = await pickHypervisor(choice("auto"), undefined);
    expect(real).toBeUndefined();
    expect(why).toMatch(/^no guest runs: (not installed: .*apt-get install|.* need root|guests need a network)/);
  });

  test("refuses to be insisted on", async () => {
    await expect(pickHypervisor(choice("qemu"), undefined)).rejects.toThrow(ConfigError);
  });
});
