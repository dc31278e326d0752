// A tenant with a subnet on two real hosts, what tests of them do again and again, and the look for what is left.
import { runPhoton } from "../../cli/src/testing/run.ts";
import { tinyImage } from "../../scripts/images/tiny.ts";
import type { Hands, Json } from "../scenarios/calls.ts";
import { until } from "./agents.ts";
import { environmentOf } from "./console-command.ts";
import { type RealHost, type RealHosts, type RealHostsTerms, startRealHosts } from "./real-hosts.ts";

const wordsOf = (vm: Json): string => JSON.stringify([vm.state, vm.stateReason, vm.status, vm.move]);

export class HostsWorld {
  readonly hosts: RealHosts;
  readonly alice: Hands;
  readonly pair: readonly [RealHost, RealHost];
  readonly #subnet: string;
  readonly #ports: string[] = [];
  #made = 0;

  private constructor(parts: { hosts: RealHosts; alice: Hands; pair: readonly [RealHost, RealHost]; subnet: string }) {
    this.hosts = parts.hosts;
    this.alice = parts.alice;
    this.pair = parts.pair;
    this.#subnet = parts.subnet;
  }

  /** Both hosts have the tiny image: what is held on the way is what a test is about. */
  static async start(terms: RealHostsTerms): Promise<HostsWorld> {
    const hosts = await startRealHosts(terms);
    try {
      const [one, two] = hosts.hosts;
      if (one === undefined || two === undefined) throw new Error("there are not two hosts");
      const alice = await hosts.tenant("acme");
      const vpc = await alice.create("Vpc", { name: "main", cidr: "10.0.0.0/16" });
      const { id: subnet } = await alice.create("Subnet", { vpc_id: vpc.id, name: "web", cidr: "10.0.1.0/24" });
      const world = new HostsWorld({ hosts, alice, pair: [one, two], subnet });
      for (const host of world.pair) {
        const id = await world.makeVm(host, {}, { power_state: "POWER_STATE_STOPPED" });
        await world.is(id, /STATE_READY/);
        await alice.remove("Vm", id);
      }
      return world;
    } catch (error) {
      await hosts.stop();
      throw error;
    }
  }

  get env() {
    return environmentOf(this.hosts.field.url, this.alice.tenant);
  }

  async makeVm(host: RealHost, spec: Json = {}, more: Json = {}): Promise<string> {
    const name = `vm${++this.#made}`;
    const port = await this.alice.create("Port", { subnet_id: this.#subnet, name });
    this.#ports.push(port.id);
    await this.hosts.placeOn(host);
    const network = [{ id: "eth0", port_id: port.id }];
    const whole = { cpu: 1, memory: 128, image_id: "tiny", network, ...spec };
    return (await this.alice.create("Vm", { name, spec: whole, ...more })).id;
  }

  /** Resolves when its state, status and move say it. */
  is(id: string, words: RegExp): Promise<Json> {
    return this.alice.until("Vm", id, (vm) => words.test(wordsOf(vm)));
  }

  runs(id: string, host: RealHost): Promise<Json> {
    return this.alice.until("Vm", id, ({ hostId, state, status }) => {
      const isReady = JSON.stringify(status).includes("STATE_READY");
      return hostId === host.name && state === "VM_STATE_RUNNING" && isReady;
    });
  }

  async stop(id: string): Promise<void> {
    await this.alice.must("Vm", "StopVm", { id });
    await this.alice.until("Vm", id, ({ state }) => state === "VM_STATE_STOPPED");
  }

  async migrate(id: string, host: RealHost): Promise<void> {
    await this.hosts.placeOn(host);
    await this.call("plasmavmc.v1.VmService/MigrateVm", { id, hostId: host.name });
  }

  /** Calls as the administrator, of the tenant's project. */
  call(method: string, body: Json): Promise<Json> {
    return this.hosts.field.call(method, { orgId: "acme", projectId: "project-alpha", ...body });
  }

  async photon(...words: readonly string[]) {
    return runPhoton([...words], { env: this.env, now: Date.now() });
  }

  async importImage(id: string, file = tinyImage(".photon/images")): Promise<void> {
    const { code, err } = await this.photon("image", "import", file, "--id", id, "--wait", "-o", "json");
    if (code !== 0) throw new Error(`${file} was not imported: ${err}`);
  }

  /** Removes all machines. @throws Error if anything of a machine is left anywhere, or an address. */
  async clear(): Promise<void> {
    const { server } = this.hosts.field;
    if (server === undefined || server.child.exitCode !== null)
      throw new Error(`the server ended by itself: ${server?.text}`);
    for (const host of this.pair) {
      host.line.mend();
      if (host.agent?.child.signalCode !== null) await this.hosts.run(host);
    }
    const { body } = await this.alice.call("Vm", "ListVms");
    for (const { id } of Array.isArray(body.vms) ? body.vms : []) await this.alice.remove("Vm", id);
    for (const id of this.#ports.splice(0)) await this.alice.remove("Port", id);
    for (const host of this.pair) await untilClean(host);
  }
}

async function untilClean(host: RealHost): Promise<void> {
  let left: readonly string[] = [];
  const isClean = async () => {
    left = await host.remains();
    return left.length === 0;
  };
  await until(`nothing is left on ${host.name}`, isClean).catch((cause: unknown) => {
    throw new Error(`${host.name} has ${left.join()}`, { cause });
  });
}
