// The stream of an export: what is said of it, and the end of one that nobody reads.
import { createHash } from "node:crypto";
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  ExportVmRequestSchema,
  type ExportVmResponse,
  ExportVmResponseSchema,
} from "@photoncloud/proto/gen/plasmavmc/v1/vm_export_pb";
import { PowerState, VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import type { FilePart } from "../../../backends/hypervisor/driver.ts";
import { ManualClock } from "../../../engine/testing/manual-clock.ts";
import type { AuditEvent } from "../../events/index.ts";
import { acme, openSmallCloud, type SmallCloud } from "../../testing/small-cloud.ts";
import { createExports } from "./index.ts";

let cloud: SmallCloud;
let vmId: string;
beforeAll(async () => {
  cloud = await openSmallCloud();
  ({ id: vmId } = await cloud.make(VmSchema, { name: "web", spec: {}, powerState: PowerState.STOPPED }));
});
afterAll(() => cloud.stop());

const call = {
  principal: { kind: "user", org: "acme", id: "alice", project: "", sessionId: "" },
  sourceIp: "192.0.2.1",
  requestId: "r",
  method: "plasmavmc.v1.VmExportService/ExportVm",
  token: "",
  idempotencyKey: "",
  waitMs: 0,
  signal: new AbortController().signal,
} as const;

/** An export of parts that stay where they are until they are read. */
function open(parts: AsyncIterable<FilePart>, more: { readonly fails?: DriverError } = {}) {
  const [clock, audited, signals]: [ManualClock, AuditEvent[], AbortSignal[]] = [new ManualClock(), [], []];
  const { hypervisor } = cloud.drivers;
  hypervisor.export = async (_, __, signal) => {
    if (more.fails !== undefined) throw more.fails;
    signals.push(signal);
    return { sizeBytes: 8, parts };
  };
  const audit = async (event: AuditEvent) => void audited.push(event);
  const { ExportVm } = createExports({ resources: cloud.resources, hypervisor, clock, audit }).methods;
  const answer = ExportVm?.(create(ExportVmRequestSchema, { ...acme, vmId }), call);
  if (answer === undefined || !(Symbol.asyncIterator in answer)) throw new Error("it is no stream");
  return { clock, audited, signals, answer: answer[Symbol.asyncIterator]() };
}

function message(given: IteratorResult<Message>): ExportVmResponse {
  if (given.done !== true && isMessage(given.value, ExportVmResponseSchema)) return given.value;
  throw new Error("there is no message");
}

async function* file(): AsyncGenerator<FilePart> {
  yield Buffer.from("abcd");
  yield { zeros: 4 };
}

test("says what comes, then the parts, then the digest of all; and who asked is in the log", async () => {
  const { answer, audited, signals } = open(file());
  expect(message(await answer.next()).file).toMatchObject({ diskId: "root", sizeBytes: 8n });
  expect(Buffer.from(message(await answer.next()).data).toString()).toBe("abcd");
  expect(message(await answer.next()).zeros).toBe(4n);
  const whole = createHash("sha256").update("abcd\0\0\0\0").digest("hex");
  expect(message(await answer.next()).digest).toBe(`sha256:${whole}`);
  expect((await answer.next()).done).toBe(true);
  expect(audited).toMatchObject([{ type: "accessed", id: vmId, permission: "compute:vms:export" }]);
  expect(signals[0]?.aborted).toBe(true);
});

test("is given up when nothing of it is read for a while, and not before", async () => {
  const { answer, clock, signals } = open(file());
  await answer.next();
  await answer.next();
  clock.advance(60_000);
  await settled();
  expect(signals[0]?.aborted).toBe(false);
  clock.advance(60_000);
  await settled();
  expect(signals[0]?.aborted).toBe(true);
});

test("passes on why the host can't, and writes nothing down", async () => {
  const fails = new DriverError("in_use", "another disk is being exported");
  const { answer, audited } = open(file(), { fails });
  await expect(answer.next()).rejects.toMatchObject({ reason: "TOO_MANY_REQUESTS", message: fails.message });
  expect(audited).toEqual([]);
});

/** What the clock has woken goes on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
