// plasmavmc.v1.ConsoleService: opens consoles of machines that the caller's tenant has, and reads what they said.
import { create, type DescMessage, isMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { GetRequestSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import {
  ConsoleService,
  ConsoleType,
  OpenConsoleRequestSchema,
  OpenConsoleResponseSchema,
  ReadConsoleLogRequestSchema,
  ReadConsoleLogResponseSchema,
} from "@photoncloud/proto/gen/plasmavmc/v1/console_pb";
import type { HypervisorDriver } from "../../../backends/hypervisor/driver.ts";
import { Fault, invalidField } from "../../../fault.ts";
import type { Call, ResourceCalls, ServiceHandlers } from "../../call.ts";
import type { AuditEvent } from "../../events/index.ts";
import { accessOf, toFault, vmKind } from "../machine-access.ts";
import { consolePermission, type Ticket, type Tickets } from "./tickets.ts";

/** How much of a log is answered where nothing was said, and at most; in bytes. */
const [usualLogBytes, mostLogBytes] = [64 * 1024, 1024 * 1024];

export interface ConsoleServiceOptions {
  readonly tickets: Tickets;
  readonly resources: Pick<ResourceCalls, "unary">;
  readonly hypervisor: HypervisorDriver;
  /** "https://cloud.example:50080": where people reach this cloud. */
  endpoint(): string;
  audit(event: AuditEvent): Promise<void>;
}

interface Named {
  readonly orgId: string;
  readonly projectId: string;
  readonly vmId: string;
}

export function consoleService(options: ConsoleServiceOptions): ServiceHandlers {
  return {
    service: ConsoleService,
    about: (request) => ({
      kind: vmKind(),
      id: "vmId" in request && typeof request.vmId === "string" ? request.vmId : "",
    }),
    methods: {
      OpenConsole: (request, call) => open(options, expected(request, OpenConsoleRequestSchema), call),
      ReadConsoleLog: (request, call) => readLog(options, expected(request, ReadConsoleLogRequestSchema), call),
    },
  };
}

function expected<Desc extends DescMessage>(request: Message, schema: Desc): MessageShape<Desc> {
  if (isMessage(request, schema)) return request;
  throw new TypeError(`${request.$typeName} is no ${schema.typeName}`);
}

/** Answers in the words of every kind where the tenant has no such machine. @throws Fault NOT_FOUND */
async function find({ resources }: ConsoleServiceOptions, { orgId, projectId, vmId }: Named, call: Call) {
  if (vmId === "") throw invalidField("vm_id", "required", "it is missing; name the machine");
  await resources.unary(vmKind(), "get", create(GetRequestSchema, { orgId, projectId, id: vmId }), call);
  return { tenant: { org: orgId, project: projectId }, vmId };
}

const types: Readonly<Record<ConsoleType, Ticket["type"]>> = {
  [ConsoleType.UNSPECIFIED]: "serial",
  [ConsoleType.SERIAL]: "serial",
  [ConsoleType.VNC]: "vnc",
};

async function open(
  options: ConsoleServiceOptions,
  request: MessageShape<typeof OpenConsoleRequestSchema>,
  call: Call,
): Promise<Message> {
  const { tickets, hypervisor, endpoint, audit } = options;
  const machine = await find(options, request, call);
  const { principal } = call;
  if (principal === undefined) throw new Fault("UNAUTHENTICATED", "this call needs a token");
  const type: Ticket["type"] | undefined = types[request.type];
  if (type === undefined) throw invalidField("type", "enum", `${request.type} is none of serial (1) and vnc (2)`);
  const now = await hypervisor.state(machine.vmId, call.signal);
  if (now?.state !== "running")
    throw new Fault("WRONG_STATE", `vm ${machine.vmId} does not run, so that it has no console; start it first`);
  const { token, expiresAt } = await tickets.issue({ ...machine, principal, type });
  await audit(accessOf(machine, consolePermission, call));
  const url = `${endpoint().replace(/^http/, "ws").replace(/\/+$/, "")}/console/${token}`;
  return create(OpenConsoleResponseSchema, { url, expireTime: timestampFromMs(expiresAt) });
}

async function readLog(
  options: ConsoleServiceOptions,
  request: MessageShape<typeof ReadConsoleLogRequestSchema>,
  call: Call,
): Promise<Message> {
  const { hypervisor, audit } = options;
  const { maxBytes } = request;
  if (maxBytes < 0 || maxBytes > mostLogBytes)
    throw invalidField("max_bytes", "range", `${maxBytes} was given; 1 to ${mostLogBytes} is allowed, or leave it out`);
  const machine = await find(options, request, call);
  if (hypervisor.consoles === undefined)
    throw new Fault("WRONG_STATE", `the host of vm ${machine.vmId} keeps no console logs`);
  await audit(accessOf(machine, consolePermission, call));
  const log = await hypervisor.consoles
    .log(machine.vmId, maxBytes === 0 ? usualLogBytes : maxBytes, call.signal)
    .catch((error: unknown) => {
      throw toFault(error);
    });
  return create(ReadConsoleLogResponseSchema, { log: new TextDecoder().decode(log) });
}
