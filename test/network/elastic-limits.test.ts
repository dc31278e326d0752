// How far OVN's NAT goes for elastic IPs (docs/network.md, Limits), shown on OVN itself: where an error says that more is reached, a limit is gone.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ElasticIpSpec } from "../../server/src/backends/network/driver.ts";
import { rowUuid } from "../../server/src/backends/network/ovn/mapping/uuids.ts";
import { describeOnOvn, eventually, type Field, type Guest, startField } from "./field.ts";
import { nbctl } from "./look.ts";
import { externalNetwork, letAllIn, nextHop, TenantObjects } from "./objects.ts";
import { packetsOf, saying } from "./packets.ts";
import { openTalk } from "./talk.ts";

const faraway = "198.51.100.10";
const acme = new TenantObjects("acme");

const elasticIp = (k: number): ElasticIpSpec => ({
  type: "elastic-ip",
  id: `eip-${k}`,
  owner: acme.owner,
  vpcId: acme.vpcId,
  address: `203.0.113.${100 + k}`,
  portId: `port-acme-1-${k}`,
  portAddress: `10.0.1.${k}`,
});

describeOnOvn("elastic IPs", () => {
  let field: Field;
  let outside: Guest;
  /** On the first host and on the second. */
  let guests: readonly [Guest, Guest];

  beforeAll(async () => {
    field = await startField();
    outside = field.lab.outside();
    await outside.run("ip", "addr", "add", `${faraway}/32`, "dev", "lo");
    await field.tenant(acme, 1);
    await field.ensure(acme.group("open", [letAllIn]), externalNetwork, acme.gateway());
    const seat = (host: number) => field.guest(acme.port(1, 11 + host, ["open"]), { host });
    guests = [await seat(0), await seat(1)];
    await field.ensure(elasticIp(11), elasticIp(12));
    for (const guest of guests) await guest.serveTcp(80, "{source}");
  }, 90_000);
  afterAll(() => field?.stop(), 30_000);

  test("a port reaches its own elastic IP, also where its host is the gateway", async () => {
    // One of the two hosts is the gateway.
    for (const [index, guest] of guests.entries()) {
      const address = `203.0.113.${111 + index}`;
      expect(
        await eventually(
          () => guest.connects(address, 80),
          (answer) => answer === address,
        ),
      ).toBe(address);
    }
  });

  /** Who a guest is in an error from outside, as far as the error says: the source of the packet that it quotes. */
  async function quotedAs(guest: Guest): Promise<string | undefined> {
    const quoted = guest.run("timeout", "3", "tcpdump", "-nn", "-v", "-i", "eth0", "--immediate-mode", "icmp");
    await guest.echoes(faraway, 9);
    return /^\s+([0-9.]+)\.\d+ > 198\.51\.100\.10\.9: UDP/m.exec((await quoted).stdout)?.[1];
  }

  test("errors from outside don't reach a guest; with connection tracking they do, but an address that moves leaks what was open", async () => {
    const [, guest] = guests;
    expect(await quotedAs(guest)).toBeUndefined();
    const row = rowUuid(elasticIp(12));
    await nbctl(field, "--wait=hv", "clear", "NAT", row, "options");
    const own = "10.0.1.12";
    expect(
      await eventually(
        () => quotedAs(guest),
        (address) => address === own,
      ),
    ).toBe(own);
    const talk = await openTalk(outside, "203.0.113.112", 80);
    await nbctl(field, "--wait=hv", "set", "NAT", row, "logical_ip=10.0.1.20");
    expect(await packetsOf(guest, `src ${nextHop} and ${saying}`, 1_000)).toBeGreaterThan(20);
    expect((await talk.end()).answered).toBeGreaterThan(20);
    await field.ensure(elasticIp(12));
    expect(await quotedAs(guest)).toBeUndefined();
  }, 90_000);
});
