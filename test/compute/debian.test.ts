// A real Debian 12 with cloud-init: what it is told by the seed's disk and, in a second image, by the metadata service alone; and its agent.
// Its boots take minutes where they are emulated: run by name, npm run test:debian
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { runPhoton } from "../../cli/src/testing/run.ts";
import { debianImage, debianImageMissing } from "../../scripts/images/debian.ts";
import { issueToken, type TestTenant } from "../../server/src/testing/tenants.ts";
import { Hands, type Json } from "../scenarios/calls.ts";
import { environmentOf } from "./console-command.ts";
import { type GuestCloud, guestsMissing, startGuestCloud } from "./guest-cloud.ts";

const missing = guestsMissing() ?? debianImageMissing();
/** An emulated Debian, on two processors that ten others want: a boot takes a quarter of an hour there. */
const patienceMs = 30 * 60_000;
jest.setTimeout(3 * patienceMs);
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBdWp6vpVqJkWbQ3dIfGyqLfHnS9Ia9oo0BfAd0jNEuB someone@somewhere";
const userData = `#cloud-config
runcmd:
  - echo "told $(hostname) by $(cloud-id) for $(cut -d' ' -f3 /home/debian/.ssh/authorized_keys) at $(hostname -I)" > /dev/console
`;
const images = ".photon/debian";
/** Where an image is made that is good for this test alone. */
const metadataAlone = join(images, "metadata-alone");

const run = missing === undefined ? describe : describe.skip;
run(`Debian 12${missing === undefined ? "" : ` (${missing})`}`, () => {
  let guests: GuestCloud;
  let subnetId: string;
  let tenant: TestTenant;
  /** Anew each time: a login ends sooner than a boot may. */
  const login = async () => {
    const { orgId, projectId, serviceAccountId: principalId, keySecret } = tenant;
    const token = await issueToken(guests.cloud.url, { orgId, projectId, principalId, keySecret });
    return new Hands(guests.cloud.url, { ...tenant, token }, patienceMs);
  };
  beforeAll(async () => {
    debianImage(images);
    guests = await startGuestCloud({ images, patienceMs });
    tenant = await guests.cloud.tenant("acme", "alpha");
    const hands = await login();
    const vpc = await hands.create("Vpc", { name: "main", cidr: "10.0.0.0/16" });
    subnetId = (await hands.create("Subnet", { name: "main", vpc_id: vpc.id, cidr: "10.0.1.0/24" })).id;
  });
  afterAll(async () => {
    await guests?.stop();
    rmSync(metadataAlone, { recursive: true, force: true });
  });

  async function boot(name: string, imageId: string, ipAddress: string): Promise<Json & { readonly id: string }> {
    const hands = await login();
    const port = await hands.create("Port", { name, subnet_id: subnetId, ip_address: ipAddress });
    const spec = {
      cpu: 2,
      memory: 768,
      image_id: imageId,
      disks: [{ id: "root", size_gib: 3 }],
      user_data: userData,
      ssh_keys: [key],
      network: [{ id: "eth0", port_id: port.id }],
    };
    return hands.create("Vm", { name, spec });
  }

  test("reads the seed's disk; its agent tells what it is, stills it for a snapshot, and it shuts down when it is asked", async () => {
    const { id } = await boot("seeded", "debian-12", "10.0.1.10");
    await guests.says(id, /^told seeded by nocloud for someone@somewhere at 10\.0\.1\.10\b/m);
    const hands = await login();
    await tells(hands, id, { guestHostname: "seeded", guestOs: "Debian GNU/Linux 12 (bookworm)" });
    const env = environmentOf(guests.cloud.url, hands.tenant);
    const taken = await runPhoton(["vm-snapshot", "create", "--name", "whole", "--vm-id", id, "--wait"], {
      env,
      now: Date.now(),
    });
    expect(taken).toMatchObject({ code: 0 });
    await hands.must("Vm", "StopVm", { id });
    await guests.says(id, /Stopped target/);
    const stopped = await hands.until("Vm", id, ({ state }) => state === "VM_STATE_STOPPED");
    // All that it has to end takes longer than it is given, where little of a processor is left for it.
    expect(stopped.stateReason ?? "").toMatch(/^$|^the guest did not shut down within \d+ seconds/);
  });

  test("reads the metadata service where it looks for nothing else", async () => {
    const env = environmentOf(guests.cloud.url, (await login()).tenant);
    const file = withoutSeed();
    const words = ["image", "import", file, "--id", "metadata-alone", "--wait"];
    expect(await runPhoton(words, { env, now: Date.now() })).toMatchObject({ code: 0, err: "" });
    const { id } = await boot("asking", "metadata-alone", "10.0.1.11");
    await guests.says(id, /^told asking by aws for someone@somewhere at 10\.0\.1\.11\b/m);
  });
});

/** Its agent has two seconds for an answer, which an emulated one does not always make: it is asked again. */
async function tells(hands: Hands, id: string, words: Json): Promise<void> {
  for (const deadline = Date.now() + patienceMs; ; await wait(1_000)) {
    const { body } = await hands.call("Vm", "GetVmStatistics", { id });
    if (body.guestHostname !== undefined && body.guestHostname !== "") return expect(body).toMatchObject(words);
    if (Date.now() > deadline) throw new Error(`its agent tells nothing: ${JSON.stringify(body)}`);
  }
}

/** The image, with a cloud-init that looks at no disk. */
function withoutSeed(): string {
  const work = metadataAlone;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
  const [raw, settings, file] = ["disk.raw", "sources.cfg", "metadata-alone.qcow2"].map((name) => join(work, name));
  if (raw === undefined || settings === undefined || file === undefined)
    throw new Error("three files have three names");
  execFileSync("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", debianImage(images), raw]);
  writeFileSync(settings, "datasource_list: [ Ec2, None ]\n");
  const write = `write ${settings} /etc/cloud/cloud.cfg.d/99_sources.cfg`;
  execFileSync("debugfs", ["-w", "-R", write, `${raw}?offset=1048576`], { stdio: "ignore" });
  execFileSync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, file]);
  rmSync(raw);
  return file;
}
