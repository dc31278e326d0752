// plasmavmc.v1.HostJoiningService: draws tokens, and trades one for a host's certificate.
import { create, isMessage } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Catalog, fieldsOf, validate } from "@photoncloud/proto";
import {
  CreateJoinTokenResponseSchema,
  HostCertificateSchema,
  HostJoiningService,
  HostSchema,
  HostState,
  type JoinHostRequest,
  JoinHostRequestSchema,
  JoinHostResponseSchema,
} from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { messageOf } from "../../../engine/message.ts";
import { Fault } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { Call, ResourceCalls, ServiceHandlers } from "../../call.ts";
import { appendAudit } from "../../events/audit.ts";
import { refuse } from "../../resources/mutate.ts";
import type { Authority, Certificate } from "./authority.ts";
import type { JoinTokens } from "./join-tokens.ts";
import { ensureHost } from "./own.ts";
import { hostKey, report } from "./report.ts";

export interface JoiningParts {
  readonly store: Store;
  readonly resources: ResourceCalls;
  readonly catalog: Catalog;
  readonly tokens: JoinTokens;
  readonly authority: () => Promise<Authority>;
  /** The name in a host's certificate. */
  nameOf(hostId: string): string;
}

export function joiningService(parts: JoiningParts): ServiceHandlers {
  return {
    service: HostJoiningService,
    methods: {
      CreateJoinToken: async (_, caller) => {
        const { token, expiresAt } = await parts.tokens.draw();
        const event = { type: "accessed", tenant: { org: "", project: "" }, kind: HostSchema.typeName } as const;
        await appendAudit(parts.store, { ...event, caller, permission: "compute:hosts:join" });
        return create(CreateJoinTokenResponseSchema, { token, expireTime: timestampFromMs(expiresAt) });
      },
      JoinHost: (request, call) => {
        if (!isMessage(request, JoinHostRequestSchema))
          throw new Fault("MALFORMED_REQUEST", "not the method's request");
        return join(parts, request, call);
      },
    },
  };
}

async function join(parts: JoiningParts, request: JoinHostRequest, call: Call) {
  refuse(validate(fieldsOf(JoinHostRequestSchema), request));
  const { redeem } = await parts.tokens.check(request.token);
  checkAddress(request.address);
  await checkFree(parts, request.hostId);
  const authority = await parts.authority();
  const certificate = await authority.certifyHost(parts.nameOf(request.hostId), request.certificateRequest);
  await redeem();
  await ensureHost(parts, request.hostId, call);
  await admit(parts, request, certificate);
  const row = await parts.store.get(hostKey(request.hostId));
  return create(JoinHostResponseSchema, {
    ...(row && { host: messageOf(HostSchema, row) }),
    certificate: certificate.pem,
    authority: authority.certificate,
  });
}

/** @throws Fault INVALID_FIELDS */
function checkAddress(address: string): void {
  const url = URL.parse(`https://${address}`);
  if (url?.host !== "" && url !== null && url.port !== "" && url.pathname === "/" && url.username === "") return;
  const message = `${JSON.stringify(address)} is no address; give where the agent answers, as 192.0.2.7:50090`;
  throw new Fault("INVALID_FIELDS", `address: ${message}`, {
    violations: [{ path: "address", rule: "format", message }],
  });
}

/** A host that runs keeps its place: who takes it over must say first that it is off. @throws Fault ALREADY_EXISTS */
async function checkFree({ store }: JoiningParts, id: string): Promise<void> {
  const row = await store.get(hostKey(id));
  if (row === undefined) return;
  const { state, certificates } = messageOf(HostSchema, row);
  if (state === HostState.FENCED || (state === HostState.JOINING && certificates.length === 0)) return;
  const advice = `choose another --name, or, if that machine is off for good: photon host fence ${id}`;
  throw new Fault("ALREADY_EXISTS", `there is a host ${id} already; ${advice}`);
}

async function admit({ store }: JoiningParts, request: JoinHostRequest, certificate: Certificate): Promise<void> {
  const { serial, expiresAt } = certificate;
  await report(store, request.hostId, (host) => {
    host.state = HostState.JOINING;
    host.stateReason = "";
    host.evacuation = undefined;
    host.address = request.address;
    host.certificates = [create(HostCertificateSchema, { serial, expireTime: timestampFromMs(expiresAt) })];
  });
}
