// What a host's network writes down of flows, read over the channel.
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { HostFlows } from "../../../agent/machines/flow-lines.ts";
import { systemClock } from "../../../clock.ts";
import { simulatedHypervisor } from "../simulated/index.ts";
import type { RemoteTail } from "./flow-tail.ts";
import { type Loopback, openLoopback, settled } from "./testing/loopback.ts";

const lineOf = (name: string) =>
  `2026-11-22T10:00:00.123Z|00005|acl_log(ovn_pinctrl0)|INFO|name="${name}", verdict=allow, severity=info, direction=to-lport: tcp,vlan_tci=0x0000,dl_src=fa:16:3e:00:00:01,dl_dst=fa:16:3e:00:00:02,nw_src=10.0.1.3,nw_dst=10.0.1.4,nw_tos=0,nw_ecn=0,nw_ttl=63,nw_frag=no,tp_src=50000,tp_dst=80,tcp_flags=syn`;

let dir: string;
let file: string;
let host: Loopback | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "photon-flows-"));
  file = join(dir, "ovn-controller.log");
  writeFileSync(file, `${lineOf("before")}\n`);
});
afterEach(async () => {
  await host?.close();
  rmSync(dir, { recursive: true });
});

/** A channel, and what can be read through it. */
async function open(): Promise<RemoteTail> {
  const came = Promise.withResolvers<RemoteTail>();
  const flows = new HostFlows({ file, dataDir: dir, clock: systemClock });
  host = await openLoopback({ driver: simulatedHypervisor(), flows, onFlows: came.resolve });
  await settled(host.link, ({ hindrance }) => hindrance === "");
  return came.promise;
}

/** Reads on; `write` is called when somebody listens at the host. */
async function read(tail: RemoteTail, enough: number, keep: boolean, write: () => void): Promise<readonly string[]> {
  const done = new AbortController();
  const lines: string[] = [];
  let quiet = 0;
  for await (const batch of tail.follow(done.signal)) {
    lines.push(...batch);
    quiet = batch.length === 0 ? quiet + 1 : 0;
    if (quiet === 2 && lines.length === 0) write();
    if (lines.length >= enough && keep) await tail.keep();
    if (lines.length >= enough && quiet >= 3) done.abort();
  }
  return lines.map((line) => /name="([^"]*)"/.exec(line)?.[1] ?? line);
}

test("lines of flows come as they are written, and go on behind what was kept", async () => {
  const first = await read(await open(), 1, true, () => appendFileSync(file, `noise\n${lineOf("one")}\n`));
  expect(first).toEqual(["one"]);
  await host?.close();
  appendFileSync(file, `${lineOf("while away")}\n`);
  expect(await read(await open(), 1, false, () => {})).toEqual(["while away"]);
  await host?.close();
  expect(await read(await open(), 1, true, () => {})).toEqual(["while away"]);
}, 90_000);
