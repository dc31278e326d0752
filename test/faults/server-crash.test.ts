// The whole server is killed under load, again and again, while its clients send what was not answered once more: in the end every
// acknowledged change is there exactly once, and everything fits together.
import { afterEach, describe, expect, test } from "@jest/globals";
import { postgresMissing, startPostgres, type TestPostgres } from "../../server/src/store/testing/postgres.ts";
import { ServerProcess, until } from "../terraform/server-process.ts";
import { type Done, type Load, startLoad } from "./server-crash.clients.ts";

type Json = Readonly<Record<string, unknown>>;

/** Each costs a start of the server; on PostgreSQL, which others may use, a dead server's tasks wait for its leases to run out. */
const rounds = { sqlite: 3, postgres: 1 };
const clients = 6;
const timeoutMs = 180_000;
const scope = { orgId: "acme", projectId: "web" };

const servers: ServerProcess[] = [];
const databases: TestPostgres[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  for (const database of databases.splice(0)) await database.stop();
});

async function startServer(more: readonly string[] = []): Promise<ServerProcess> {
  const server = new ServerProcess(more);
  servers.push(server);
  await server.start();
  return server;
}

/** A network for the ports, and clients that use it. */
async function load(server: ServerProcess): Promise<Load> {
  await server.call("iam.v1.OrgService/CreateOrg", { id: "acme" });
  await server.call("iam.v1.ProjectService/CreateProject", { orgId: "acme", id: "web" });
  const vpc = await server.call("prismnet.v1.VpcService/CreateVpc", { ...scope, name: "net", cidr: "10.0.0.0/16" });
  const body = { ...scope, name: "sub", vpcId: vpc.id, cidr: "10.0.0.0/20" };
  const subnet = await server.call("prismnet.v1.SubnetService/CreateSubnet", body);
  return startLoad({ url: server.url, token: await server.token(), scope, subnetId: String(subnet.id) }, clients);
}

/** Kills the server while some hundred changes are under way, and starts it again. */
async function killedRound(server: ServerProcess, { done }: Load): Promise<void> {
  const enough = done.length + 30 + Math.floor(Math.random() * 60);
  await until("some more changes", async () => done.length >= enough);
  await server.kill();
  await server.start();
}

async function all(server: ServerProcess, method: string, plural: string): Promise<readonly Json[]> {
  const found: Json[] = [];
  for (let pageToken = ""; ; ) {
    const page = await server.call(method, { ...scope, pageSize: 1000, pageToken });
    const rows: unknown = page[plural];
    if (Array.isArray(rows)) found.push(...rows);
    if (page.nextPageToken === undefined) return found;
    pageToken = String(page.nextPageToken);
  }
}

interface Things {
  readonly ports: readonly Json[];
  readonly vms: readonly Json[];
}

async function things(server: ServerProcess): Promise<Things> {
  const ports = await all(server, "prismnet.v1.PortService/ListPorts", "ports");
  return { ports, vms: await all(server, "plasmavmc.v1.VmService/ListVms", "vms") };
}

const idsOf = (rows: readonly Json[]) => rows.map(({ id }) => id).sort();
const succeeded = (done: readonly Done[], verb: string) =>
  done.filter(({ method, status }) => status === 200 && method.includes(`/${verb}`));

/** Every resource that was acknowledged and not deleted is there once, and nothing else is. */
function isExactlyOnce({ done }: Load, verb: string, rows: readonly Json[]): void {
  const made = succeeded(done, `Create${verb}`);
  const gone = new Set(succeeded(done, `Delete${verb}`).map(({ body }) => body.id));
  expect(idsOf(rows)).toEqual(idsOf(made.map(({ answer }) => answer).filter(({ id }) => !gone.has(id))));
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
}

function networkOf(vm: Json): readonly Json[] {
  const { spec } = vm;
  return typeof spec === "object" && spec !== null && "network" in spec && Array.isArray(spec.network)
    ? spec.network
    : [];
}

/** Ports and machines name each other; addresses and MACs are one's own. */
function fitTogether({ ports, vms }: Things): void {
  for (const what of ["ipAddress", "macAddress"])
    expect(new Set(ports.map((port) => port[what])).size).toBe(ports.length);
  const plugged = ports
    .filter(({ deviceId }) => deviceId !== undefined)
    .map(({ id, deviceId }) => `${id} in ${deviceId}`);
  const using = vms.flatMap((vm) => networkOf(vm).map(({ portId }) => `${portId} in ${vm.id}`));
  expect(plugged.sort()).toEqual(using.sort());
  for (const vm of vms) expect(vm.labels).toEqual({ life: vm.name });
}

/** A key that was answered answers the same again, although everything it tells of may be gone. */
async function sameAnswers(load: Load): Promise<void> {
  const sample = load.done.filter(({ status }) => status === 200).filter((_, i) => i % 7 === 0);
  for (const { method, body, key, answer } of sample)
    expect((await load.send(method, body, key)).answer).toEqual(answer);
}

/** Nothing changes by itself any more: all is ready, and the network has told of each plugged port that it is up. */
function isSettled({ ports, vms }: Things): boolean {
  const isReady = [...ports, ...vms].every(({ status }) => JSON.stringify(status).includes("STATE_READY"));
  return isReady && ports.every(({ deviceId, up }) => (deviceId === undefined) === (up !== true));
}

/** Nothing was refused but to delete a port whose machine was not yet gone. */
function refusals({ done }: Load): readonly Done[] {
  return done.filter(({ status, method }) => status !== 200 && !(status === 400 && method.endsWith("/DeletePort")));
}

async function survives(server: ServerProcess, times: number): Promise<void> {
  const running = await load(server);
  for (let round = 0; round < times; round += 1) await killedRound(server, running);
  await running.stop();
  expect(refusals(running)).toEqual([]);
  await until("everything to be ready or gone", async () => isSettled(await things(server)));
  const found = await things(server);
  isExactlyOnce(running, "Port", found.ports);
  isExactlyOnce(running, "Vm", found.vms);
  fitTogether(found);
  await sameAnswers(running);
  expect(await things(server)).toEqual(found);
  expect(running.lost()).toBeGreaterThan(0);
}

describe("a server that is killed under load has done everything that it acknowledged exactly once", () => {
  test("on SQLite", async () => survives(await startServer(), rounds.sqlite), timeoutMs);

  const missing = postgresMissing();
  if (missing !== undefined) test.skip(`on PostgreSQL (${missing})`, () => undefined);
  else
    test(
      "on PostgreSQL",
      async () => {
        const database = await startPostgres();
        databases.push(database);
        await survives(await startServer(["--database-url", database.url]), rounds.postgres);
      },
      timeoutMs,
    );
});
