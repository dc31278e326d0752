// The methods that read what a role permitted and bring it back.
import { clone, create, isMessage, type Message } from "@bufbuild/protobuf";
import {
  GetRoleVersionRequestSchema,
  ListRoleVersionsRequestSchema,
  ListRoleVersionsResponseSchema,
  PermissionSchema,
  type RoleSchema,
  RoleVersionSchema,
  RollBackRoleRequestSchema,
} from "@photoncloud/proto/gen/iam/v1/role_pb";
import { Fault, invalidField } from "../../../fault.ts";
import type { CustomMethod, Loaded, QueryMethod } from "../../kind.ts";
import type { RoleHistory } from "./history.ts";

type RoleKind = typeof RoleSchema;

const defaultPage = 100;
const mostOnPage = 1_000;

/** The newest first. A page's token is the version that it ends with. */
async function list(history: RoleHistory, role: Loaded<RoleKind>, request: Message): Promise<Message> {
  if (!isMessage(request, ListRoleVersionsRequestSchema)) throw malformed();
  const { pageSize, pageToken } = request;
  if (pageSize < 0 || pageSize > mostOnPage)
    throw invalidField("page_size", "range", `${pageSize} is out of range; give 1 to ${mostOnPage}`);
  if (!/^\d{0,15}$/.test(pageToken))
    throw invalidField("page_token", "format", "it is not one that this method answered; leave it out to begin");
  const all = (await history.versions(role.tenant, role.id)).toReversed();
  const rest = pageToken === "" ? all : all.filter(({ version }) => version < BigInt(pageToken));
  const versions = rest.slice(0, pageSize || defaultPage);
  const last = versions.length < rest.length ? versions.at(-1) : undefined;
  return create(ListRoleVersionsResponseSchema, {
    versions: [...versions],
    nextPageToken: String(last?.version ?? ""),
  });
}

async function find(history: RoleHistory, role: Pick<Loaded<RoleKind>, "tenant" | "id">, version: bigint) {
  const found = (await history.versions(role.tenant, role.id)).find((one) => one.version === version);
  if (found !== undefined) return found;
  throw new Fault(
    "NOT_FOUND",
    `the role ${role.id} has no version ${version}; ListRoleVersions answers those that it has`,
  );
}

export function versionQueries(history: RoleHistory): Record<string, QueryMethod<RoleKind>> {
  return {
    ListRoleVersions: { answer: (role, request) => list(history, role, request) },
    GetRoleVersion: {
      async answer(role, request) {
        if (!isMessage(request, GetRoleVersionRequestSchema)) throw malformed();
        return create(RoleVersionSchema, await find(history, role, request.roleVersion));
      },
    },
  };
}

/** Admitted like any update: nobody gets back what they could not give. */
export function rollBack(history: RoleHistory): CustomMethod<RoleKind> {
  return {
    async update(message, request, { tenant }) {
      if (!isMessage(request, RollBackRoleRequestSchema)) throw malformed();
      const { permissions } = await find(history, { tenant, id: message.id }, request.roleVersion);
      message.permissions = permissions.map((permission) => clone(PermissionSchema, permission));
    },
  };
}

function malformed(): Fault {
  return new Fault("MALFORMED_REQUEST", "the request is not the method's own");
}
