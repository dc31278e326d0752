// What goes wrong between a server and two real hosts: each ends in a status that says what happened, the guest running once, and nothing left over.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { runPhoton } from "../../cli/src/testing/run.ts";
import { tinyImage } from "../../scripts/images/tiny.ts";
import type { Hands, Json } from "../scenarios/calls.ts";
import { until } from "./agents.ts";
import { environmentOf } from "./console-command.ts";
import { guestPatienceMs, guestsMissing } from "./guest-cloud.ts";
import { type RealHost, type RealHosts, startRealHosts } from "./real-hosts.ts";

const missing = guestsMissing();
const suite = missing === undefined ? describe : describe.skip;
const tick = /^tick (\d+) /m;
const longMs = 4 * guestPatienceMs;
/** Room for two machines of a GiB each. */
const diskMib = 2_200;
/** Of an image, and of a machine's memory and disk: in the middle of both. */
const [someOfImage, someOfMachine] = [256 * 1024, 4 * 1024 ** 2];

const wordsOf = (vm: Json): string => JSON.stringify([vm.state, vm.stateReason, vm.status, vm.move]);

suite(`faults of hosts behind agents${missing === undefined ? "" : ` (${missing})`}`, () => {
  let starting: Promise<RealHosts> | undefined;
  let hosts: RealHosts;
  let [one, two]: RealHost[] = [];
  let alice: Hands;
  let subnet = "";
  beforeAll(async () => {
    starting = startRealHosts({ diskMib });
    hosts = await starting;
    [one, two] = hosts.hosts;
    alice = await hosts.tenant("acme");
    const vpc = await alice.create("Vpc", { name: "main", cidr: "10.0.0.0/16" });
    subnet = (await alice.create("Subnet", { vpc_id: vpc.id, name: "web", cidr: "10.0.1.0/24" })).id;
    // Both have the image: what is held on the way is what a test is about.
    for (const host of pair()) {
      const id = await makeVm(host, {}, { power_state: "POWER_STATE_STOPPED" });
      await alice.ready("Vm", id);
      await alice.remove("Vm", id);
    }
  }, 5 * guestPatienceMs);
  afterAll(async () => (await starting)?.stop(), guestPatienceMs);

  const pair = (): readonly [RealHost, RealHost] => {
    if (one === undefined || two === undefined) throw new Error("there are not two hosts");
    return [one, two];
  };
  let made = 0;
  const ports: string[] = [];
  const makeVm = async (host: RealHost, spec: Json = {}, more: Json = {}): Promise<string> => {
    const name = `vm${++made}`;
    const port = await alice.create("Port", { subnet_id: subnet, name });
    ports.push(port.id);
    await hosts.placeOn(host);
    const network = [{ id: "eth0", port_id: port.id }];
    const whole = { cpu: 1, memory: 128, image_id: "tiny", network, ...spec };
    return (await alice.create("Vm", { name, spec: whole, ...more })).id;
  };
  const is = (id: string, words: RegExp) => alice.until("Vm", id, (vm) => words.test(wordsOf(vm)));
  const runs = (id: string, host: RealHost) =>
    alice.until("Vm", id, ({ hostId, state, status }) => {
      const isReady = JSON.stringify(status).includes("STATE_READY");
      return hostId === host.name && state === "VM_STATE_RUNNING" && isReady;
    });
  const migrate = async (id: string, host: RealHost) => {
    await hosts.placeOn(host);
    await hosts.field.call("plasmavmc.v1.VmService/MigrateVm", {
      ...{ orgId: "acme", projectId: "project-alpha", id, hostId: host.name },
    });
  };
  const importImage = async (id: string) => {
    const env = environmentOf(hosts.field.url, alice.tenant);
    const words = ["image", "import", tinyImage(".photon/images"), "--id", id, "--wait", "-o", "json"];
    expect(await runPhoton(words, { env, now: Date.now() })).toMatchObject({ code: 0 });
  };
  /** Nothing of any machine is left anywhere, and no address. */
  afterEach(async () => {
    for (const host of pair()) {
      host.line.mend();
      if (host.agent?.child.signalCode !== null) await hosts.run(host);
    }
    const { body } = await alice.call("Vm", "ListVms");
    for (const { id } of Array.isArray(body.vms) ? body.vms : []) await alice.remove("Vm", id);
    for (const id of ports.splice(0)) await alice.remove("Port", id);
    for (const host of pair()) {
      let left: readonly string[] = [];
      const isClean = async () => {
        left = await host.remains();
        return left.length === 0;
      };
      await until(`nothing is left on ${host.name}`, isClean).catch((cause: unknown) => {
        throw new Error(`${host.name} has ${left.join()}`, { cause });
      });
    }
  }, longMs);

  test(
    "an agent that is killed while an image comes has it sent anew, and one machine runs",
    async () => {
      const [here] = pair();
      await importImage("mine");
      const held = here.line.holdAfter(someOfImage);
      const id = await makeVm(here, { image_id: "mine" });
      await held();
      await here.agent?.kill();
      here.line.mend();
      await is(id, /host one|can't be reached/);
      await hosts.run(here);
      await runs(id, here);
      await here.says(id, /READY/);
      expect(here.images()).toContain("mine.qcow2");
      await alice.remove("Vm", id);
      await hosts.field.call("plasmavmc.v1.ImageService/DeleteImage", {
        ...{ orgId: "acme", projectId: "project-alpha", id: "mine" },
      });
      await until("the image is gone", async () => !here.images().includes("mine.qcow2"));
    },
    longMs,
  );

  test(
    "the agent that a machine moves to is killed: it stays where it was, and says so",
    async () => {
      const [from, to] = pair();
      const id = await makeVm(from);
      await runs(id, from);
      await from.says(id, tick);
      const held = to.line.holdAfter(someOfMachine);
      await migrate(id, to);
      await held();
      await to.agent?.kill();
      to.line.mend();
      await hosts.run(to);
      const moved = await is(id, /PHASE_(DONE|FAILED|CANCELLED)"/);
      expect(moved).toMatchObject({ move: { phase: "VM_MOVE_PHASE_FAILED" } });
      await runs(id, from);
      await from.saysAgain(id, tick);
      expect(to.process(id)).toBeUndefined();
      await until("the other has nothing", async () => (await to.remains()).length === 0);
    },
    longMs,
  );

  test(
    "a host that is cut off says so; its guest runs on, and what was asked meanwhile is done when it is back",
    async () => {
      const [here] = pair();
      const [id, doomed] = [await makeVm(here), await makeVm(here)];
      for (const vm of [id, doomed]) await runs(vm, here);
      await here.says(id, tick);
      const pid = here.process(id)?.pid;
      here.line.cut();
      await hosts.field.hostIs(here.name, "SILENT");
      expect(await is(id, /VM_STATE_UNKNOWN/)).toMatchObject({ stateReason: expect.stringContaining("host one") });
      await here.saysAgain(id, tick);
      await alice.must("Vm", "DeleteVm", { id: doomed });
      here.line.mend();
      await hosts.field.hostIs(here.name, "READY");
      await runs(id, here);
      expect(here.process(id)?.pid).toBe(pid);
      await alice.until("Vm", doomed, (_, status) => status === 404);
    },
    longMs,
  );
});
