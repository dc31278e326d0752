// Exports from outside: a stream that is whole or fails, walls around it, and a file that appears when it is whole.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { bytesOf, PhotonCloud, type VmExport } from "@photoncloud/sdk";
import { simulatedDrivers, startTestCloud, type TestCloud, type TestTenant } from "@photoncloud/server/testing";
import { runPhoton } from "../../cli/src/testing/run.ts";
import { call } from "../isolation/calls.ts";
import { environmentOf } from "./console-command.ts";

let server: TestCloud;
let tenant: TestTenant;
let cloud: PhotonCloud;
const folder = mkdtempSync(join(tmpdir(), "photon-export-"));
beforeAll(async () => {
  server = await startTestCloud();
  tenant = await server.tenant("acme", "alpha");
  const { orgId: org, projectId: project, token } = tenant;
  cloud = new PhotonCloud({ endpoint: server.url, credentials: { token }, org, project });
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function makeVm(name: string, powerState: "running" | "stopped" = "stopped") {
  const disks = [
    { id: "root", sizeGib: 1 },
    { id: "data", sizeGib: 1 },
  ];
  const { id } = await cloud.vms.create({ name, powerState, spec: { disks } }, { waitMs: 15_000 });
  return id;
}

async function read({ parts }: VmExport): Promise<{ readonly words: string; readonly sizeBytes: number }> {
  let [words, sizeBytes] = ["", 0];
  for await (const part of parts) {
    if (part instanceof Uint8Array) words += Buffer.from(part).toString();
    for (const bytes of bytesOf(part)) sizeBytes += bytes.length;
  }
  return { words, sizeBytes };
}

test("exportVm() reads the root disk, or the one that is named, and says its digest", async () => {
  const id = await makeVm("web");
  const root = await cloud.exportVm(id);
  expect(root).toMatchObject({ diskId: "root", format: "qcow2", sizeBytes: 192 * 1024 });
  expect(await read(root)).toEqual({ words: `a simulated disk: ${id}/root\n`, sizeBytes: 192 * 1024 });
  expect(await root.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  const data = await cloud.exportVm(id, { diskId: "data", format: "raw" });
  expect(data).toMatchObject({ diskId: "data", format: "raw", sizeBytes: 1024 ** 3 });
  expect((await read(data)).words).toContain(`${id}/data`);
  const log = await call(
    server.url,
    "chainfire.v1.EventService/ListEvents",
    { org_id: tenant.orgId, project_id: tenant.projectId, resource_id: id, page_size: 100 },
    tenant.token,
  );
  expect(log.text.match(/EVENT_TYPE_ACCESSED[^}]*VmExportService\/ExportVm/g)).toHaveLength(2);
});

test("exportVm() needs a machine that is off, or a snapshot of it", async () => {
  const id = await makeVm("busy", "running");
  await expect(cloud.exportVm(id)).rejects.toMatchObject({ code: "failed_precondition", reason: "WRONG_STATE" });
  const snapshot = await cloud.vmSnapshots.create({ vmId: id }, { waitMs: 15_000 });
  const whole = await read(await cloud.exportVm(id, { snapshotId: snapshot.id }));
  expect(whole.words).toContain(`@${snapshot.id}`);
  const other = await makeVm("other");
  await expect(cloud.exportVm(other, { snapshotId: snapshot.id })).rejects.toMatchObject({ code: "invalid_argument" });
  await expect(cloud.exportVm(other, { diskId: "none" })).rejects.toMatchObject({ code: "invalid_argument" });
  await expect(cloud.exportVm(other, { snapshotId: "vmsnapshot-none" })).rejects.toMatchObject({ code: "not_found" });
});

const exportTo = (id: string, file: string, ...more: readonly string[]) =>
  runPhoton(["vm", "export", id, "--to", file, ...more], { env: environmentOf(server.url, tenant), now: Date.now() });

test("photon vm export writes a file, sparse where the disk is, and tells its digest", async () => {
  await makeVm("named");
  const file = join(folder, "named.raw");
  const { code, out, err } = await exportTo("named", file, "--disk", "data");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toContain(`disk data, raw, ${1024 ** 3} bytes, sha256:`);
  expect(statSync(file)).toMatchObject({ size: 1024 ** 3 });
  expect(statSync(file).blocks).toBeLessThan(1024);
  const head = Buffer.alloc(64);
  readSync(openSync(file, "r"), head);
  expect(head.toString()).toContain("a simulated disk: ");
  expect(out).toContain(digestOfSparse(head, 1024 ** 3));
});

test("photon vm export finds a snapshot by its name, while the machine runs", async () => {
  const id = await makeVm("running", "running");
  const snapshot = await cloud.vmSnapshots.create({ vmId: id, name: "before" }, { waitMs: 15_000 });
  const [byName, byId] = [join(folder, "by-name.qcow2"), join(folder, "by-id.qcow2")];
  expect(await exportTo("running", byName, "--snapshot", "before")).toMatchObject({ code: 0, err: "" });
  expect(await exportTo(id, byId, "--snapshot", snapshot.id)).toMatchObject({ code: 0, err: "" });
  expect(readFileSync(byName).equals(readFileSync(byId))).toBe(true);
  const none = await exportTo(id, join(folder, "none.qcow2"), "--snapshot", "nothing");
  expect(none).toMatchObject({ code: 3, err: expect.stringContaining('"nothing"') });
});

function digestOfSparse(head: Buffer, sizeBytes: number): string {
  const hash = createHash("sha256").update(head);
  for (const bytes of bytesOf({ zeros: sizeBytes - head.length })) hash.update(bytes);
  return hash.digest("hex");
}

test("photon vm export leaves a file alone that is there, and nothing where it fails", async () => {
  const id = await makeVm("kept");
  const file = join(folder, "kept.qcow2");
  writeFileSync(file, "mine");
  expect(await exportTo(id, file)).toMatchObject({ code: 2, err: expect.stringContaining("--force") });
  expect(readFileSync(file, "utf8")).toBe("mine");
  const before = readdirSync(folder);
  expect(await exportTo(id, join(folder, "none.qcow2"), "--disk", "none")).not.toMatchObject({ code: 0 });
  expect(await exportTo(id, join(folder, "none", "none.qcow2"))).toMatchObject({ code: 2 });
  expect(await exportTo(id, join(folder, "bad.vmdk"), "--format", "vmdk")).toMatchObject({ code: 2 });
  expect(readdirSync(folder)).toEqual(before);
  expect(await exportTo(id, file, "--force")).toMatchObject({ code: 0 });
  expect(existsSync(file) && statSync(file).size).toBe(192 * 1024);
});

test("what is not read yet waits where it is: in no memory of the server's", async () => {
  const drivers = simulatedDrivers();
  const sent = { bytes: 0, isOver: false };
  const chunk = Buffer.alloc(256 * 1024, 7);
  const sizeBytes = 512 * chunk.length;
  async function* parts() {
    try {
      for (; sent.bytes < sizeBytes; sent.bytes += chunk.length) yield chunk;
    } finally {
      sent.isOver = true;
    }
  }
  drivers.hypervisor.export = async () => ({ sizeBytes, parts: parts() });
  const other = await startTestCloud({ drivers });
  try {
    const { orgId: org, projectId: project, token } = await other.tenant("acme", "alpha");
    const reader = new PhotonCloud({ endpoint: other.url, credentials: { token }, org, project });
    const { id } = await reader.vms.create({ name: "big", powerState: "stopped", spec: {} }, { waitMs: 15_000 });
    let read = 0;
    for await (const part of (await reader.exportVm(id)).parts) {
      read += part instanceof Uint8Array ? part.length : part.zeros;
      // Sockets, streams and the messages under way hold some; what is more would be held for whoever stops reading.
      expect(sent.bytes - read).toBeLessThan(32 * 1024 ** 2);
      await turn();
      if (read > sizeBytes / 2) break;
    }
    for (const late = Date.now() + 15_000; !sent.isOver; await turn()) expect(Date.now()).toBeLessThan(late);
    expect(sent.bytes).toBeLessThan(sizeBytes);
  } finally {
    await other.stop();
  }
});
