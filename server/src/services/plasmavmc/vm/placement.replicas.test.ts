// Two servers on one PostgreSQL that place, grow and remove machines on the same small hosts at once: no host ever promises more than it has.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { PlacementGroupSchema, PlacementPolicy } from "@photoncloud/proto/gen/plasmavmc/v1/placement_group_pb";
import { type Vm, VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { openPostgresStore } from "../../../store/index.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../../store/testing/postgres.ts";
import { type HostsCloud, openHostsCloud } from "../../testing/hosts-cloud.ts";
import { outcome } from "../../testing/small-cloud.ts";

const withPostgres = postgresMissing() === undefined ? test : test.skip;
const hosts = ["a", "b", "c"].map((id) => ({ id, memoryMib: 2048 }));
/** Machines of 512 MiB that the three have room for. */
const room = 12;

let postgres: TestPostgres | undefined;
let servers: readonly [HostsCloud, HostsCloud];
beforeAll(async () => {
  if (postgresMissing() !== undefined) return;
  postgres = await startPostgres();
  const { url } = postgres;
  const one = await openHostsCloud(hosts, undefined, { store: await openPostgresStore({ url }) });
  const two = await openHostsCloud(hosts, undefined, { store: await openPostgresStore({ url }), beside: one });
  servers = [one, two];
}, 60_000);
afterAll(async () => {
  for (const { cloud } of servers ?? []) await cloud.stop();
  await postgres?.stop();
});

const serverOf = (n: number) => servers[n % 2 === 0 ? 0 : 1];
const hasGrownOrWaits = ({ status }: Vm) => status?.state === State.READY || status?.reason === "NoRoom";
const isSettled = ({ hostId, status }: Vm) => hostId !== "" || status?.reason === "NoHost";

async function make(count: number, spec: object): Promise<readonly Vm[]> {
  const asked = Array.from({ length: count }, async (_, n) => {
    const { cloud } = serverOf(n);
    const { id } = await cloud.create(VmSchema, { name: `vm${n}`, spec: { cpu: 1, memory: 512, ...spec } });
    return cloud.until(VmSchema, id, isSettled);
  });
  return Promise.all(asked);
}

/** What hosts say that they have promised is what their machines ask for, and no more than there is. */
async function checkPromises(placed: readonly Vm[]): Promise<void> {
  for (const { id, memoryMib } of hosts) {
    const { promised } = await servers[0].host(id);
    const here = placed.filter(({ hostId }) => hostId === id);
    const granted = await Promise.all(here.map((vm) => servers[0].scheduler.granted({ vmId: vm.id, hostId: id })));
    const sum = granted.reduce((all, one) => all + (one?.memoryMib ?? 0), 0);
    expect(promised).toMatchObject({ memoryMib: BigInt(sum), machines: here.length });
    expect(sum).toBeLessThanOrEqual(memoryMib);
  }
}

async function removeAll(vms: readonly Vm[]): Promise<void> {
  await Promise.all(vms.map(({ id }, n) => serverOf(n).cloud.delete(VmSchema, id)));
  for (const { id } of vms) await servers[0].cloud.gone(VmSchema, id);
  await checkPromises([]);
}

withPostgres(
  "machines that come to both servers at once are placed as far as there is room, each once",
  async () => {
    const made = await make(20, {});
    const placed = made.filter(({ hostId }) => hostId !== "");
    expect(placed).toHaveLength(room);
    await checkPromises(placed);
    for (const { id, hostId } of placed) {
      await servers[1].cloud.ready(VmSchema, id);
      expect(await servers[0].only(id)).toEqual([hostId]);
    }
    await removeAll(made);
  },
  60_000,
);

withPostgres(
  "machines that grow at both at once get what there is, and the others keep what they have",
  async () => {
    const made = await make(9, {});
    const grow = ({ id }: Vm, n: number) =>
      outcome(serverOf(n).cloud.update(VmSchema, id, { spec: { memory: 1024 } }, ["spec.memory"]));
    await Promise.all(made.map(grow));
    for (const { id } of made) await servers[0].cloud.until(VmSchema, id, hasGrownOrWaits);
    const now = await Promise.all(made.map(({ id }) => servers[0].cloud.get(VmSchema, id)));
    await checkPromises(now);
    await removeAll(now);
  },
  60_000,
);

withPostgres(
  "machines that must be apart are, whichever server places them",
  async () => {
    const { cloud } = servers[0];
    const apart = await cloud.create(PlacementGroupSchema, { name: "apart", policy: PlacementPolicy.ANTI_AFFINITY });
    const made = await make(6, { placementGroupIds: [apart.id] });
    expect(made.map(({ hostId }) => hostId).sort()).toEqual(["", "", "", "a", "b", "c"]);
    await removeAll(made);
  },
  60_000,
);
