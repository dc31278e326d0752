// A guest leaves a host as a file and boots again from it on another: the command, the server, an agent, qemu-img; and nothing of what breaks on the way
// stays anywhere.
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { isPhotonError, PhotonCloud, type VmExport } from "@photoncloud/sdk";
import { runCommand } from "../../server/src/backends/linux/command.ts";
import { until } from "./agents.ts";
import { guestPatienceMs, guestsMissing } from "./guest-cloud.ts";
import { HostsWorld } from "./hosts-world.ts";
import type { RealHost } from "./real-hosts.ts";

const missing = guestsMissing();
const suite = missing === undefined ? describe : describe.skip;
const longMs = 5 * guestPatienceMs;
/** Room for a machine of a GiB that is full, and a copy of it. */
const diskMib = 2_200;
/** On the disk, behind all that the image has; in MiB. */
const at = 900;
const writes = `#!/bin/sh
echo kept-by-its-guest | dd of=/dev/vda bs=1M seek=${at} conv=notrunc 2>/dev/null && sync && echo "it is written" > /dev/console
`;
const reads = `#!/bin/sh
echo "it has $(dd if=/dev/vda bs=1M skip=${at} count=1 2>/dev/null | head -n 1)" > /dev/console
`;

suite(`exports from hosts behind agents${missing === undefined ? "" : ` (${missing})`}`, () => {
  let starting: Promise<HostsWorld> | undefined;
  let world: HostsWorld;
  const folder = mkdtempSync(join(tmpdir(), "photon-export-"));
  beforeAll(async () => {
    starting = HostsWorld.start({ diskMib });
    world = await starting;
  }, 5 * guestPatienceMs);
  afterAll(async () => {
    await (await starting)?.hosts.stop();
    rmSync(folder, { recursive: true, force: true });
  }, guestPatienceMs);
  afterEach(() => world.clear(), longMs);

  const exportTo = (id: string, file: string, ...more: readonly string[]) =>
    world.photon("vm", "export", id, "--to", file, ...more);

  /** What an agent has open of copies that have no name. */
  function copiesOf({ agent }: RealHost): readonly string[] {
    const files = `/proc/${agent?.child.pid}/fd`;
    return readdirSync(files).filter((fd) => linkOf(join(files, fd)).includes("/export-"));
  }

  /** A stopped machine whose disk is too large for what lies on the way to a reader. */
  async function fullVm(host: RealHost): Promise<string> {
    const id = await world.makeVm(host, {}, { power_state: "POWER_STATE_STOPPED" });
    await world.is(id, /STATE_READY/);
    await runCommand("qemu-io", ["-f", "qcow2", "-c", "write -P 5 100M 600M", host.files(id).disk("root")]);
    return id;
  }

  /** As soon as its host answers. */
  async function beginToRead(id: string): Promise<AsyncIterator<unknown> & Pick<VmExport, "sizeBytes">> {
    const { url, tenant } = { url: world.hosts.field.url, tenant: world.alice.tenant };
    const { orgId: org, projectId: project, token } = tenant;
    const cloud = new PhotonCloud({ endpoint: url, credentials: { token }, org, project, retries: 0 });
    const { sizeBytes, parts } = await untilGiven("the host answers", () => cloud.exportVm(id).catch(unlessAway));
    const read = parts[Symbol.asyncIterator]();
    await read.next();
    return { sizeBytes, next: () => read.next() };
  }

  async function readOn(parts: AsyncIterator<unknown>): Promise<void> {
    while ((await parts.next()).done !== true);
  }

  test(
    "photon vm export and photon image import carry a guest to another host",
    async () => {
      const [here, other] = world.pair;
      const id = await world.makeVm(here, { user_data: writes });
      await world.runs(id, here);
      await here.says(id, /it is written/);
      const [whole, taken] = [join(folder, "whole.qcow2"), join(folder, "taken.qcow2")];
      expect(await exportTo(id, whole)).toMatchObject({
        code: expect.any(Number),
        err: expect.stringContaining("runs"),
      });
      const snapshot = await world.photon("vm-snapshot", "create", "--vm-id", id, "--wait", "-o", "json");
      expect(await exportTo(id, taken, "--snapshot", String(JSON.parse(snapshot.out).id))).toMatchObject({ code: 0 });
      await world.stop(id);
      expect(await exportTo(id, whole)).toMatchObject({ code: 0, err: "" });
      const held = await runCommand("qemu-io", ["-r", "-f", "qcow2", "-c", `read -v ${at}M 512`, taken]);
      expect(held.stdout).toMatch(/kept.by.its.gues/);
      await world.call("plasmavmc.v1.VmSnapshotService/DeleteVmSnapshot", { id: JSON.parse(snapshot.out).id });
      await world.importImage("again", whole);
      const again = await world.makeVm(other, { image_id: "again", user_data: reads });
      await world.runs(again, other);
      await other.says(again, /it has kept-by-its-guest/);
    },
    longMs,
  );

  test(
    "an export breaks off with its agent, its server or its machine, and leaves nothing of itself",
    async () => {
      const [here] = world.pair;
      const id = await fullVm(here);
      const before = readdirSync(folder);

      const cut = await beginToRead(id);
      expect(copiesOf(here)).toHaveLength(1);
      await here.agent?.kill();
      await expect(readOn(cut)).rejects.toMatchObject({ code: "unavailable" });
      await world.hosts.run(here);

      const file = join(folder, "never.qcow2");
      writeFileSync(join(folder, "kept"), "");
      const lost = await beginToRead(id);
      await world.hosts.field.server?.kill();
      await expect(readOn(lost)).rejects.toMatchObject({ code: "unavailable" });
      expect(await exportTo(id, file)).not.toMatchObject({ code: 0 });
      await world.hosts.field.startServer();
      await world.hosts.field.hostIs(here.name, "READY");
      await until("the agent lets go of the copy", async () => copiesOf(here).length === 0);

      const doomed = await beginToRead(id);
      await world.alice.remove("Vm", id);
      await expect(readOn(doomed)).rejects.toMatchObject({ message: expect.stringContaining("was removed") });
      expect(copiesOf(here)).toEqual([]);
      expect(readdirSync(folder).sort()).toEqual([...before, "kept"].sort());
    },
    longMs,
  );
});

async function untilGiven<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  let given: T | undefined;
  await until(what, async () => {
    given = await ask();
    return given !== undefined;
  });
  if (given === undefined) throw new Error(`it did not come: ${what}`);
  return given;
}

function unlessAway(error: unknown): undefined {
  if (!isPhotonError(error, "unavailable")) throw error;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
