// Receipts on OVN: when a mutation is answered as programmed, the next packet goes by it.

import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import {
  Direction,
  Protocol,
  type SecurityGroup,
  SecurityGroupRuleSchema,
  SecurityGroupSchema,
} from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import type { Receipt } from "../../server/src/services/receipt.ts";
import { acme, kindOf } from "../../server/src/services/testing/small-cloud.ts";
import { type CloudField, type Seat, startCloudField } from "./cloud-field.ts";
import { describeOnOvn } from "./field.ts";
import { nbctl } from "./look.ts";
import { revalidated } from "./revalidated.ts";

describeOnOvn("a receipt that says programmed", () => {
  let field: CloudField;
  let vpcId: string;
  let group: SecurityGroup;
  let sender: Seat;
  let server: Seat;
  let receipts: Receipt[] = [];
  const programmed = {
    wait: "programmed",
    waitMs: 20_000,
    reached: (one: Receipt) => void receipts.push(one),
  } as const;

  beforeAll(async () => {
    field = await startCloudField({ hosts: 2 });
    const net = await field.net(acme, 1);
    vpcId = net.vpc.id;
    group = await field.group(acme, {});
    sender = await field.seat(net, []);
    server = await field.seat(net, [group], 1);
    await server.guest.serveTcp(80, "hello");
    // The first packet between two hosts and two guests waits for their neighbours' MACs.
    await rules(["web"]);
    expect(await sender.guest.connects(server.port.ipAddress ?? "", 80)).toBe("hello");
    await rules([]);
  }, 90_000);
  afterAll(() => field?.stop(), 30_000);

  async function rules(entries: readonly string[]): Promise<void> {
    const web = create(SecurityGroupRuleSchema, { direction: Direction.INGRESS, protocol: Protocol.TCP });
    const securityGroup = create(SecurityGroupSchema, {
      rules: Object.fromEntries(entries.map((name) => [name, web])),
    });
    const request = { ...acme, id: group.id, securityGroup, updateMask: { paths: ["rules"] } };
    receipts = [];
    await field.cloud.call(kindOf(SecurityGroupSchema), "update", request, programmed);
    expect(receipts.at(-1)).toBe("programmed");
  }

  /** One try, for a second. */
  async function connects(): Promise<boolean> {
    const address = server.port.ipAddress ?? "";
    return (await sender.guest.run("timeout", "1", "bash", "-c", `exec 3<>/dev/tcp/${address}/80`)).code === 0;
  }

  test("opens and shuts a port for the next connection, again and again", async () => {
    for (let round = 0; round < 5; round++) {
      await rules(["web"]);
      expect(await connects()).toBe(true);
      await rules([]);
      await revalidated(field.lab.ovn);
      expect(await connects()).toBe(false);
    }
  }, 60_000);

  test("is one for all who wait: a hundred share two handshakes with the hosts", async () => {
    const number = async () => Number(await nbctl(field, "get", "NB_Global", ".", "nb_cfg"));
    const before = await number();
    const wait = () => field.lab.driver.programmed(vpcId, AbortSignal.timeout(20_000));
    await Promise.all(Array.from({ length: 100 }, wait));
    const raised = (await number()) - before;
    expect(raised).toBeGreaterThan(0);
    expect(raised).toBeLessThanOrEqual(2);
  });

  test("comes although a host is dead, for those that live", async () => {
    const controller = field.lab.ovn.daemons().find(({ name }) => name === "controller@h1");
    expect(controller).toBeDefined();
    if (controller?.pid !== undefined) process.kill(controller.pid, "SIGSTOP");
    const began = Date.now();
    receipts = [];
    const labels = { ...acme, id: sender.port.id, port: create(PortSchema, { labels: { a: "b" } }) };
    const update = { ...labels, updateMask: { paths: ["labels"] } };
    await field.cloud.call(kindOf(PortSchema), "update", update, { ...programmed, waitMs: 30_000 });
    if (controller?.pid !== undefined) process.kill(controller.pid, "SIGCONT");
    expect({ receipt: receipts.at(-1), ms: Date.now() - began }).toMatchObject({ receipt: "programmed" });
  }, 60_000);
});
