import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { type Host, HostCertificateSchema, HostSchema, HostState } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { simulatedDrivers } from "../../../backends/detect.ts";
import { silentLog } from "../../../engine/hooks.ts";
import { messageOf } from "../../../engine/message.ts";
import { ManualClock } from "../../../engine/testing/manual-clock.ts";
import { openSqliteStore } from "../../../store/sqlite/open.ts";
import type { Store } from "../../../store/store.ts";
import { requestCertificate } from "../../../x509.ts";
import { createSealing } from "../../iam/tokens/sealing.ts";
import { kinds } from "../../kinds.ts";
import { createResources } from "../../resources/index.ts";
import { openAuthority } from "./authority.ts";
import { ensureHost } from "./own.ts";
import { hostKey, report } from "./report.ts";
import { type HostNews, HostWatcher } from "./watcher.ts";

const dayMs = 86_400_000;
const facts = {
  driver: "simulated",
  accelerator: "",
  architecture: "x86_64",
  versions: { agent: "0.1.0" },
  machineTypes: ["standard"],
  cpu: 2,
  memoryMib: 1024,
  diskGib: 10,
  machines: 0,
  certificateExpiresAt: Number.POSITIVE_INFINITY,
};

let clock: ManualClock;
let store: Store;
let news: HostNews | undefined;
let installed: string[];
/** What the channels were told, one list of hosts after the other; each time they wait for `slow`. */
let told: (readonly Host[])[];
let slow: Promise<void>;
let watcher: HostWatcher;
beforeEach(async () => {
  [clock, news, installed, told, slow] = [new ManualClock(), undefined, [], [], Promise.resolve()];
  store = await openSqliteStore({ file: ":memory:", clock });
  const random = (bytes: number) => randomBytes(bytes);
  const scopes = catalog()
    .kinds.filter(({ component }) => component === "iam")
    .map(({ desc: schema }) => ({ schema }));
  const drivers = simulatedDrivers();
  const resources = createResources({
    store,
    clock,
    random,
    drivers,
    catalog: catalog(),
    kinds: [...scopes, ...kinds],
  });
  await ensureHost({ resources, catalog: catalog() }, "one");
  const authority = () => openAuthority({ records: store.records, sealing: createSealing(undefined), clock });
  const channels = {
    follow: async (hosts: readonly Host[]) => {
      await slow;
      told.push(hosts);
    },
    news: () => news,
    hindrance: () => (news === undefined ? undefined : ""),
    renew: async (_: string, certify: (request: string) => Promise<string>) => {
      installed.push(await certify((await requestCertificate("one")).request));
    },
    onNews: () => () => {},
  };
  watcher = new HostWatcher({ store, clock, channels, authority, nameOf: (id) => id, log: silentLog });
});
afterEach(() => store.close());

async function look(): Promise<Host> {
  await watcher.look();
  const row = await store.get(hostKey("one"));
  if (row === undefined) throw new Error("no host one");
  return messageOf(HostSchema, row);
}

test("the channels are never told something older last, and who asks meanwhile shares the next", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  slow = promise;
  const first = watcher.follow();
  await new Promise(setImmediate);
  await report(store, "one", (host) => {
    host.state = HostState.FENCED;
  });
  const later = [watcher.follow(), watcher.follow()];
  slow = Promise.resolve();
  await new Promise(setImmediate);
  expect(told).toEqual([]);
  resolve();
  await Promise.all([first, ...later]);
  expect(told.map(([host]) => host?.state)).toEqual([HostState.JOINING, HostState.FENCED]);
});

test("what could not be read is read again when it is asked for again", async () => {
  const list = jest.spyOn(store, "list").mockRejectedValueOnce(new Error("the database is away"));
  await expect(watcher.follow()).rejects.toThrow("away");
  await expect(watcher.follow()).resolves.toHaveLength(1);
  list.mockRestore();
});

test("a host waits for its agent, is ready when it answers, silent after 20 seconds without, and ready again", async () => {
  expect(await look()).toMatchObject({ state: HostState.JOINING, stateReason: "it has not joined yet" });
  news = { at: clock.now(), session: "1", facts };
  expect(await look()).toMatchObject({ state: HostState.READY, stateReason: "", capacity: { cpu: 2 } });
  clock.advance(20_000);
  expect(await look()).toMatchObject({ state: HostState.READY });
  clock.advance(1);
  expect(await look()).toMatchObject({ state: HostState.SILENT });
  news = { ...news, at: clock.now() };
  expect(await look()).toMatchObject({ state: HostState.READY });
});

test("what another server has heard counts, too", async () => {
  await report(store, "one", (host) => {
    host.state = HostState.READY;
    host.lastSeenTime = timestampFromMs(clock.now());
  });
  expect(await look()).toMatchObject({ state: HostState.READY });
});

test("a fenced host stays fenced, whatever is heard", async () => {
  await report(store, "one", (host) => {
    host.state = HostState.FENCED;
  });
  news = { at: clock.now(), session: "1", facts };
  expect(await look()).toMatchObject({ state: HostState.FENCED });
});

test("machines that could not be looked at when their host came or went are looked at the next time", async () => {
  const kindsLookedAt: string[] = [];
  let isDown = true;
  store.scheduleAll = async (kind) => {
    if (isDown) throw new Error("the store could not write");
    return kindsLookedAt.push(kind);
  };
  news = { at: clock.now(), session: "1", facts };
  await expect(look()).rejects.toThrow("could not write");
  isDown = false;
  await look();
  expect(kindsLookedAt).toEqual([VmSchema.typeName]);
  await look();
  expect(kindsLookedAt).toHaveLength(1);
});

test("a certificate is renewed when it has ten days left; the old one stays good until it ends", async () => {
  const expiresAt = clock.now() + 30 * dayMs;
  await report(store, "one", (host) => {
    host.certificates = [create(HostCertificateSchema, { serial: "1234", expireTime: timestampFromMs(expiresAt) })];
  });
  news = { at: clock.now(), session: "1", facts: { ...facts, certificateExpiresAt: expiresAt } };
  expect((await look()).certificates).toHaveLength(1);
  clock.advance(21 * dayMs);
  expect((await look()).certificates.map(({ serial }) => serial)).toEqual(["1234", expect.any(String)]);
  expect(installed).toHaveLength(1);
  expect((await look()).certificates).toHaveLength(2);
});
