import { expect, test } from "@jest/globals";
import { ManualClock } from "../../engine/testing/manual-clock.ts";
import { ServiceKeeper } from "./keeper.ts";
import type { ServedSubnet } from "./served-subnet.ts";

const subnet = (subnetId: string, gateway = "10.0.1.1"): ServedSubnet => ({
  place: { org: "acme", project: "alpha", vpcId: "vpc-1", subnetId },
  portId: `svc-${subnetId}`,
  macAddress: "0a:00:0a:00:01:fe",
  addresses: ["10.0.1.254/24"],
  gateways: [gateway],
});
const mapOf = (...subnets: ServedSubnet[]) => new Map(subnets.map((one) => [one.place.subnetId, one]));
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A keeper of services that say when they start and stop, and fail as often as told. */
function world(options: { fail?: number } = {}) {
  const { fail = 0 } = options;
  const said: string[] = [];
  const seen = { atOnce: 0, most: 0, failures: fail };
  const clock = new ManualClock(0);
  const keeper = new ServiceKeeper({
    clock,
    log: silent,
    start: async (served) => {
      const name = `${served.place.subnetId} ${served.gateways[0]}`;
      seen.most = Math.max(seen.most, ++seen.atOnce);
      await new Promise((done) => setImmediate(done));
      seen.atOnce--;
      if (seen.failures-- > 0) throw new Error("no");
      said.push(`start ${name}`);
      return { subnet: served, device: "", stop: async () => void said.push(`stop ${name}`) };
    },
  });
  return { keeper, said, seen, clock };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setImmediate(done));
}

test("starts what is wanted, changes what has changed, stops the rest", async () => {
  const { keeper, said } = world();
  keeper.want(mapOf(subnet("a"), subnet("b")));
  await until(() => keeper.running().length === 2);
  keeper.want(mapOf(subnet("a", "10.0.1.9"), subnet("b")));
  await until(() => said.length === 4);
  expect(said.slice(2)).toEqual(["stop a 10.0.1.1", "start a 10.0.1.9"]);
  keeper.want(mapOf(subnet("b")));
  await until(() => keeper.running().length === 1);
  await keeper.stop();
  expect(said.slice(4)).toEqual(["stop a 10.0.1.9", "stop b 10.0.1.1"]);
});

test("starts a few at a time, and stops all in the end, also those that were just beginning", async () => {
  const { keeper, said, seen } = world();
  keeper.want(mapOf(...Array.from({ length: 50 }, (_, i) => subnet(`s${i}`))));
  await until(() => said.length > 10);
  await keeper.stop();
  expect(seen.most).toBe(4);
  const started = said.filter((one) => one.startsWith("start")).map((one) => one.slice(6));
  const stopped = said.filter((one) => one.startsWith("stop")).map((one) => one.slice(5));
  expect(stopped.toSorted()).toEqual(started.toSorted());
  expect(keeper.running()).toEqual([]);
});

test("tries again a second after a failure", async () => {
  const { keeper, seen, clock } = world({ fail: 2 });
  keeper.want(mapOf(subnet("a")));
  await until(() => seen.failures === 1);
  keeper.want(mapOf(subnet("a"), subnet("b")));
  await until(() => seen.failures === 0);
  await until(() => seen.atOnce === 0);
  expect(keeper.running()).toEqual([]);
  clock.advance(1_000);
  await until(() => keeper.running().length === 2);
  await keeper.stop();
});

test("renews a service that broke, once", async () => {
  const { keeper, said } = world();
  keeper.want(mapOf(subnet("a")));
  await until(() => keeper.running().length === 1);
  const [service] = keeper.running();
  if (service === undefined) throw new Error("nothing runs");
  keeper.renew(service);
  keeper.renew(service);
  await until(() => said.length === 3);
  expect(said).toEqual(["start a 10.0.1.1", "stop a 10.0.1.1", "start a 10.0.1.1"]);
  await keeper.stop();
});
