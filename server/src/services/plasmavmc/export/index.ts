// plasmavmc.v1.VmExportService: gives the disks of a tenant's machines away as files. What is in them is the driver's.
import { createHash } from "node:crypto";
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { GetRequestSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { ImageFormat } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import {
  type ExportVmRequest,
  ExportVmRequestSchema,
  type ExportVmResponse,
  ExportVmResponseSchema,
  VmExportService,
} from "@photoncloud/proto/gen/plasmavmc/v1/vm_export_pb";
import type { FilePart, HypervisorDriver } from "../../../backends/hypervisor/driver.ts";
import { bytesOf } from "../../../backends/hypervisor/file-parts.ts";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Call, ResourceCalls, ServiceHandlers } from "../../call.ts";
import type { AuditEvent } from "../../events/index.ts";
import { accessOf, toFault, vmKind } from "../machine-access.ts";
import { tellPlace } from "../vm/placement.ts";
import { type Find, kindOf, sourceOf } from "./source.ts";

/** As vm_export.proto annotates its method. */
const permission = "compute:vms:export";
/** How long a reader may take nothing, in milliseconds: meanwhile the copy takes room on its host. */
const silenceMs = 60_000;

export interface ExportsOptions {
  readonly resources: Pick<ResourceCalls, "unary">;
  readonly hypervisor: HypervisorDriver;
  readonly clock: Clock;
  audit(event: AuditEvent): Promise<void>;
}

export function createExports(options: ExportsOptions): ServiceHandlers {
  return {
    service: VmExportService,
    about: (request) => ({ kind: vmKind(), id: isMessage(request, ExportVmRequestSchema) ? request.vmId : "" }),
    methods: {
      ExportVm(request, call) {
        if (isMessage(request, ExportVmRequestSchema)) return exported(options, request, call);
        throw new TypeError(`${request.$typeName} is no ${ExportVmRequestSchema.typeName}`);
      },
    },
  };
}

async function* exported(options: ExportsOptions, request: ExportVmRequest, call: Call): AsyncGenerator<Message> {
  const { hypervisor, audit, clock } = options;
  const { orgId, projectId } = request;
  const { vm, source } = await sourceOf(request, finder(options, request, call));
  if (!tellPlace(hypervisor, vm) || hypervisor.export === undefined)
    throw new Fault("WRONG_STATE", `vm ${vm.id} is on no host that could export its disks`);
  const stop = new AbortController();
  const signal = AbortSignal.any([call.signal, stop.signal]);
  const { sizeBytes, parts } = await hypervisor.export(vm.id, source, signal).catch((error: unknown) => {
    throw toFault(error);
  });
  try {
    await audit(accessOf({ tenant: { org: orgId, project: projectId }, vmId: vm.id }, permission, call));
    const format = source.format === "raw" ? ImageFormat.RAW : ImageFormat.QCOW2;
    yield answer({ file: { diskId: source.diskId, format, sizeBytes: BigInt(sizeBytes) } });
    yield* withinSilence(withDigest(parts), stop, clock);
  } catch (error) {
    throw toFault(stop.signal.aborted ? stop.signal.reason : error);
  } finally {
    stop.abort();
  }
}

/** Answers in the words of every kind where the tenant has no such thing. */
function finder({ resources }: ExportsOptions, { orgId, projectId }: ExportVmRequest, call: Call): Find {
  return (kind, id) => resources.unary(kindOf(kind), "get", create(GetRequestSchema, { orgId, projectId, id }), call);
}

function answer(init: Parameters<typeof create<typeof ExportVmResponseSchema>>[1]): ExportVmResponse {
  return create(ExportVmResponseSchema, init);
}

async function* withDigest(parts: AsyncIterable<FilePart>): AsyncGenerator<ExportVmResponse> {
  const hash = createHash("sha256");
  for await (const part of parts) {
    for (const bytes of bytesOf(part)) hash.update(bytes);
    yield part instanceof Uint8Array ? answer({ data: new Uint8Array(part) }) : answer({ zeros: BigInt(part.zeros) });
  }
  yield answer({ digest: `sha256:${hash.digest("hex")}` });
}

/** Ends with `stop` when the reader takes nothing for a while: what it has not taken is given up where it is. */
async function* withinSilence<T>(messages: AsyncIterable<T>, stop: AbortController, clock: Clock): AsyncGenerator<T> {
  const offered = { number: 0, isTaken: true };
  void endWhenSilent(offered, stop, clock);
  for await (const message of messages) {
    offered.number += 1;
    offered.isTaken = false;
    yield message;
    offered.isTaken = true;
  }
}

async function endWhenSilent(
  offered: { readonly number: number; readonly isTaken: boolean },
  stop: AbortController,
  clock: Clock,
): Promise<void> {
  for (let seen = 0; !stop.signal.aborted; seen = offered.number) {
    await clock.sleep(silenceMs, stop.signal);
    if (!offered.isTaken && offered.number === seen)
      stop.abort(new Fault("DEADLINE_EXCEEDED", "nothing of the export was read for a minute"));
  }
}
