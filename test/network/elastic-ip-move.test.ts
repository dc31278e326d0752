// Connections over an elastic IP end with its move by themselves: addresses are rewritten packet by packet, and no host remembers them.
import { type ChildProcess, spawn } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ElasticIpSchema } from "@photoncloud/proto/gen/prismnet/v1/elastic_ip_pb";
import { ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import type { Port } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { systemEnv } from "../../server/src/backends/linux/command.ts";
import { acme } from "../../server/src/services/testing/small-cloud.ts";
import { type AgentCloud, openRules, startAgentCloud } from "./agent-cloud.ts";
import { describeOnOvn, eventually, type Guest } from "./field.ts";

/** A connection that stays: what is written is echoed. */
class Session {
  readonly #child: ChildProcess;
  #heard = "";
  #said = 0;
  ended = false;

  constructor(guest: Guest, address: string, port: number) {
    const words = ["netns", "exec", guest.namespace, "busybox", "nc", address, String(port)];
    this.#child = spawn("ip", words, { stdio: ["pipe", "pipe", "ignore"], env: systemEnv() });
    this.#child.stdout?.on("data", (bytes: Buffer) => {
      this.#heard += bytes.toString();
    });
    this.#child.stdin?.on("error", () => undefined);
    this.#child.once("close", () => {
      this.ended = true;
    });
  }

  /** Whether what is said now comes back. */
  async echoes(): Promise<boolean> {
    const word = `word${++this.#said};`;
    this.#child.stdin?.write(word);
    return eventually(
      async () => this.#heard.includes(word) || this.ended,
      (over) => over,
    ).then(() => this.#heard.includes(word));
  }

  end(): void {
    this.#child.kill("SIGKILL");
  }
}

describeOnOvn("an elastic IP that moves", () => {
  let cloud: AgentCloud;
  let ports: readonly Port[];
  let guests: readonly Guest[];
  let outside: Guest;
  const sessions: Session[] = [];
  const address = "203.0.113.50";

  beforeAll(async () => {
    cloud = await startAgentCloud();
    const system = { orgId: "", projectId: "" };
    const wire = { id: "wire", cidr: "203.0.113.0/24", gateway: "203.0.113.1", physicalNetwork: "physnet1" };
    await cloud.cloud.make(ExternalNetworkSchema, { ...system, ...wire });
    const vpc = await cloud.cloud.make(VpcSchema, {
      ...acme,
      name: "v",
      cidr: "10.0.0.0/16",
      externalNetworkId: "wire",
    });
    const subnet = await cloud.cloud.make(SubnetSchema, { ...acme, name: "s", vpcId: vpc.id });
    const group = await cloud.group(openRules);
    const values = { securityGroupIds: [group.id] };
    ports = [await cloud.port(subnet, values), await cloud.port(subnet, values)];
    guests = await Promise.all(ports.map((port, host) => cloud.guest(port, host)));
    for (const guest of guests) await guest.serveTcp(5000);
    outside = cloud.lab.outside();
    await outside.serveTcp(6000);
  }, 120_000);
  afterAll(async () => {
    for (const session of sessions) session.end();
    await cloud?.stop();
  }, 60_000);

  const connect = (from: Guest, to: string, port: number) => {
    const session = new Session(from, to, port);
    sessions.push(session);
    return session;
  };

  test("takes its sessions from the old port, and gives new ones to the new", async () => {
    const [a, b] = guests;
    const elasticIp = await cloud.cloud.make(ElasticIpSchema, {
      ...acme,
      name: "e",
      address,
      portId: ports[0]?.id ?? "",
    });
    const reaches = async (wanted: string | undefined) => {
      expect(
        await eventually(
          () => outside.connects(address, 5000),
          (one) => one === wanted,
        ),
      ).toBe(wanted);
    };
    await reaches(a?.namespace);
    const inward = connect(outside, address, 5000);
    const outward = connect(a ?? outside, "203.0.113.1", 6000);
    expect([await inward.echoes(), await outward.echoes()]).toEqual([true, true]);
    await cloud.cloud.update(ElasticIpSchema, elasticIp.id, { portId: ports[1]?.id ?? "" }, ["port_id"]);
    await cloud.cloud.ready(ElasticIpSchema, elasticIp.id);
    await reaches(b?.namespace);
    expect([await inward.echoes(), inward.ended]).toEqual([false, true]);
    expect([await outward.echoes(), outward.ended]).toEqual([false, true]);
    const fresh = connect(outside, address, 5000);
    expect(await fresh.echoes()).toBe(true);
    await cloud.cloud.update(ElasticIpSchema, elasticIp.id, {}, ["port_id"]);
    await cloud.cloud.ready(ElasticIpSchema, elasticIp.id);
    await reaches(undefined);
    expect(await fresh.echoes()).toBe(false);
  }, 120_000);
});
