// The requests that make a microVM, held against the published rules, and what becomes of a refusal.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { DriverError } from "../../driver-error.ts";
import { sampleMachine } from "../contract.ts";
import type { MachineSpec } from "../driver.ts";
import { type ApiRequest, call } from "./api.ts";
import { action, type Boot, bootRequests, describe as describeIt, diskGrew, processArguments } from "./boot.ts";
import { microvmFiles } from "./layout.ts";
import { MicrovmModel } from "./testing/model.ts";
import { apiServer } from "./testing/server.ts";

const root = mkdtempSync(join(tmpdir(), "pa-"));
const socket = join(root, "api");
const kernel = { image: join(root, "vmlinux"), initrd: join(root, "initrd") };
const files = {
  ...microvmFiles({ data: root, run: root }, "vm-1"),
  seed: join(root, "seed"),
  metrics: join(root, "m"),
  disk: (id: string) => join(root, id),
};
for (const file of [kernel.image, kernel.initrd, files.seed, files.disk("root"), files.disk("data")])
  writeFileSync(file, "");
const spec: MachineSpec = {
  ...sampleMachine("vm-1", "tiny"),
  cpu: 2,
  disks: [
    { id: "root", sizeGib: 1 },
    { id: "data", sizeGib: 1 },
  ],
};
const boot: Boot = { spec, files, kernel, taps: new Map() };
/** The loopback device is there everywhere, so that it stands for a tap. */
const withNic: Boot = {
  ...boot,
  spec: { ...spec, nics: [{ id: "eth0", portId: "port-1", macAddress: "fa:16:3e:00:00:01" }] },
  taps: new Map([["eth0", "lo"]]),
};

let server: Server;
let said: string[];
let exited: number[];

async function serve(one: Server): Promise<void> {
  server = one;
  await new Promise<void>((resolve) => one.listen(socket, resolve));
}

beforeEach(async () => {
  [said, exited] = [[], []];
  const around = {
    id: "vm-1",
    log: () => {},
    say: (words: string) => said.push(words),
    end: (code: number) => exited.push(code),
  };
  await serve(apiServer(new MicrovmModel(around), () => {}));
});
afterEach(() => new Promise((resolve) => server.close(resolve)));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const make = async (one: Boot) => {
  for (const request of bootRequests(one)) await call(socket, request);
};

describe("bootRequests()", () => {
  test("describes a machine in the order that Firecracker wants, and starts it", async () => {
    const requests = bootRequests(withNic);
    expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "PUT /metrics",
      "PUT /machine-config",
      "PUT /boot-source",
      expect.stringMatching(/^PUT \/drives\/disk_[0-9a-f]{12}$/),
      expect.stringMatching(/^PUT \/drives\/disk_[0-9a-f]{12}$/),
      "PUT /drives/seed",
      expect.stringMatching(/^PUT \/network-interfaces\/nic_[0-9a-f]{12}$/),
      "PUT /entropy",
      "PUT /actions",
    ]);
    await make(withNic);
    expect(said).toContain("cpu=2 memory=128");
    expect(said).toContain("nics=fa:16:3e:00:00:01");
    expect(await call(socket, describeIt)).toMatchObject({ state: "Running" });
  });

  test("a kernel that is told its root gets no other one", () => {
    const rootOf = (one: Boot) =>
      bootRequests(one)
        .map(({ body }) => Object(body).is_root_device)
        .includes(true);
    expect(rootOf(boot)).toBe(true);
    expect(rootOf({ ...boot, kernel: { ...kernel, arguments: "console=ttyS0 root=/dev/vda1" } })).toBe(false);
  });

  test("processArguments() name the process so that Firecracker takes it", () => {
    expect(processArguments("vm-1", files)).toContainEqual(expect.stringMatching(/^vm-[0-9a-f]{12}$/));
  });
});

test("a running machine hears of a disk that grew, and is asked to shut down", async () => {
  await make(boot);
  truncateSync(files.disk("data"), 512 * 8);
  await call(socket, diskGrew(files, "data"));
  expect(said.at(-1)).toBe("disks=0,8,0");
  await call(socket, action("SendCtrlAltDel"));
  while (exited.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(exited).toEqual([0]);
});

const refusals: readonly { readonly name: string; readonly boot: Boot; readonly message: RegExp }[] = [
  {
    name: "a kernel that is not there",
    boot: { ...boot, kernel: { image: join(root, "nowhere") } },
    message: /^Firecracker refuses the kernel: Boot source error: The kernel file cannot be opened: No such file/,
  },
  {
    name: "a disk that is not there",
    boot: { ...boot, spec: { ...spec, disks: [{ id: "nowhere", sizeGib: 1 }] } },
    message: /^Firecracker refuses disk nowhere: Drive config error: /,
  },
  {
    name: "too many processors",
    boot: { ...boot, spec: { ...spec, cpu: 33 } },
    message: /^Firecracker refuses the processors and memory: Machine config error: .*vCPUs/,
  },
  {
    name: "an interface without its device",
    boot: { ...withNic, taps: new Map([["eth0", "ptnowhere"]]) },
    message: /^Firecracker refuses interface eth0: Network config error: /,
  },
  {
    name: "a MAC that is none",
    boot: { ...withNic, spec: { ...spec, nics: [{ id: "eth0", portId: "port-1", macAddress: "mac" }] } },
    message: /^Firecracker refuses interface eth0: .*MAC/,
  },
];

const snapshot = { snapshot_path: join(root, "snapshot"), mem_file_path: join(root, "memory") };
const v2 = (nic: string) => ({ version: "V2", network_interfaces: [nic] });
const limited = (bandwidth: object): ApiRequest => ({
  method: "PUT",
  path: "/entropy",
  body: { rate_limiter: { bandwidth } },
  about: "x",
});

describe("call() makes a sentence of", () => {
  test.each(refusals)("$name", async ({ boot: one, message }) => {
    const error = await make(one).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DriverError);
    expect(error).toMatchObject({ reason: "refused", message: expect.stringMatching(message) });
  });

  const wrong: readonly (readonly [ApiRequest, RegExp])[] = [
    [action("SendCtrlAltDel"), /not supported before starting/],
    [diskGrew(files, "data"), /not supported before starting/],
    [{ method: "PUT", path: "/machine-config", body: { vcpu_count: 1 }, about: "x" }, /missing field `mem_size_mib`/],
    [{ method: "PUT", path: "/actions", body: { action_type: "Boot" }, about: "x" }, /invalid value for `action_type`/],
    [{ method: "PUT", path: "/entropy", body: { more: 1 }, about: "x" }, /unknown field `more`/],
    [limited({ size: 1 }), /invalid value for `rate_limiter`/],
    [limited({ size: 1, refill_time: -1 }), /invalid value for `rate_limiter`/],
    [{ method: "PUT", path: "/vsock", body: { guest_cid: 2, uds_path: "v" }, about: "x" }, /value for `guest_cid`/],
    [{ method: "PUT", path: "/mmds/config", body: v2("eth0"), about: "x" }, /not correspond to any existing/],
    [{ method: "PUT", path: "/snapshot/create", body: snapshot, about: "x" }, /not supported before starting/],
    [{ method: "PUT", path: "/drives/a-b", body: {}, about: "x" }, /alphanumeric characters and underscores/],
    [{ method: "PUT", path: "/nowhere", body: {}, about: "x" }, /Invalid request method and\/or path/],
    [{ method: "PUT", path: "/actions", about: "x" }, /Empty PUT request/],
    [action("InstanceStart"), /without kernel configuration/],
  ];
  test.each(wrong)("%j before the start", async (request, message) => {
    await expect(call(socket, request)).rejects.toMatchObject({
      reason: "refused",
      message: expect.stringMatching(message),
    });
  });

  test("what can't be done now", async () => {
    await make(boot);
    const take: ApiRequest = { method: "PUT", path: "/snapshot/create", body: snapshot, about: "a snapshot" };
    const load: ApiRequest = { method: "PUT", path: "/snapshot/load", body: { snapshot_path: "s" }, about: "one" };
    await expect(call(socket, take)).rejects.toThrow("must be paused");
    await expect(call(socket, load)).rejects.toThrow("not supported after starting");
    await call(socket, { method: "PATCH", path: "/vm", body: { state: "Paused" }, about: "a pause" });
    await call(socket, take);
  });

  test("what comes too late", async () => {
    await make(boot);
    for (const request of bootRequests(boot))
      await expect(call(socket, request)).rejects.toMatchObject({
        reason: "refused",
        message: expect.stringMatching(/not supported after starting the microVM/),
      });
  });

  test("nobody who answers, and an answer that is none", async () => {
    await expect(call(join(root, "nobody"), describeIt)).rejects.toMatchObject({
      reason: "unavailable",
      message: "the state: Firecracker does not answer",
    });
    await new Promise((resolve) => server.close(resolve));
    await serve(createServer((_asked, answer) => answer.writeHead(500).end("no JSON")));
    await expect(call(socket, describeIt)).rejects.toMatchObject({
      message: "Firecracker refuses the state: status 500",
    });
  });
});
