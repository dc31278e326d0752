// What a role permitted over time, read from the log: each write of the role is an event there, with who made it and when.
import { fromBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  Effect,
  type Permission,
  type Role,
  RoleSchema,
  type RoleVersion,
} from "@photoncloud/proto/gen/iam/v1/role_pb";
import type { Store, StoredEvent, Tenant } from "../../../store/store.ts";

const pageSize = 500;

/** One spelling for permissions that mean the same. */
export function spelledPermission({ action, resourcePattern, conditions, effect }: Permission): string {
  return JSON.stringify([effect === Effect.DENY, action, resourcePattern ?? "", [...conditions].sort()]);
}

/** Whether two roles permit the same, in whatever order it is written. */
export function permitTheSame(one: Pick<Role, "permissions">, other: Pick<Role, "permissions">): boolean {
  const [a, b] = [one, other].map(({ permissions }) => new Set(permissions.map(spelledPermission)));
  return a !== undefined && b !== undefined && a.size === b.size && a.isSubsetOf(b);
}

export interface RoleHistory {
  /** The versions of the role that is there now, the oldest first. */
  versions(tenant: Tenant, id: string): Promise<readonly Omit<RoleVersion, "$typeName">[]>;
}

export function createRoleHistory(store: Pick<Store, "events">): RoleHistory {
  return {
    async versions(tenant, id) {
      const versions: Omit<RoleVersion, "$typeName">[] = [];
      for await (const event of writesOf(store, tenant, id)) {
        // A role of the same id that was deleted is another one.
        if (event.type === "created") versions.length = 0;
        const role = fromBinary(RoleSchema, event.resource);
        const last = versions.at(-1);
        if (last === undefined || !permitTheSame(last, role))
          versions.push({
            version: role.version === 0n ? BigInt(versions.length + 1) : role.version,
            permissions: role.permissions,
            author: event.actor,
            time: timestampFromMs(event.time),
          });
      }
      return versions;
    },
  };
}

async function* writesOf(store: Pick<Store, "events">, tenant: Tenant, id: string): AsyncIterable<StoredEvent> {
  const query = { tenant, kind: RoleSchema.typeName, id, types: ["created", "updated"], limit: pageSize } as const;
  for (let cursor = "", count = pageSize; count === pageSize; ) {
    const page = await store.events(cursor, query);
    // An org's events are those of its projects, too.
    yield* page.events.filter((event) => event.tenant.project === tenant.project);
    count = page.events.length;
    cursor = page.cursor;
  }
}
