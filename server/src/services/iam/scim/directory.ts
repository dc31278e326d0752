// Users and groups of one org by the ordinary calls: in the caller's name and with their permissions, so that audit and the rules against
// escalation hold as for everybody.
import { create, type DescMessage, isMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { catalog, type Kind, type StandardVerb } from "@photoncloud/proto";
import { type Group, GroupSchema, UpdateGroupRequestSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { UpdateUserRequestSchema, type User, UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import {
  BatchGetRequestSchema,
  DeleteRequestSchema,
  GetRequestSchema,
  ListRequestSchema,
} from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { Fault } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { Call, ResourceCalls } from "../../call.ts";
import type { WebRequest } from "../../web.ts";
import { idOf } from "../federation/oauth/user-id.ts";
import type { Equality } from "./filter.ts";
import { groupFromScim, groupPaths, groupToScim } from "./group.ts";
import type { Json } from "./json.ts";
import { groupsSought, usersSought } from "./sought.ts";
import { userFromScim, userPaths, userToScim } from "./user.ts";

const pageSize = 500;
/** Ids that are tried for a new resource. */
const tries = 5;

export interface DirectoryParts {
  readonly resources: ResourceCalls;
  readonly random: (bytes: number) => Uint8Array;
  readonly store: Pick<Store, "transact" | "holder">;
}

/** One sort of resource of an org: Users or Groups. */
export interface Directory {
  /** Those that may have all of the values; others may be among them. */
  list(filter: readonly Equality[]): Promise<readonly Json[]>;
  get(id: string): Promise<Json>;
  add(resource: Json): Promise<Json>;
  /** @param etag Refused where it is not the present one; "" for none. */
  replace(id: string, etag: string, change: (now: Json) => Json): Promise<Json>;
  remove(id: string, etag: string): Promise<void>;
}

type Verb = Exclude<StandardVerb, "watch">;

export interface Place {
  readonly org: string;
  /** "https://…/scim/v2/acme" */
  readonly base: string;
  readonly request: WebRequest;
}

class Calls<Desc extends DescMessage> {
  readonly #parts: DirectoryParts;
  readonly #place: Place;
  readonly #schema: Desc;
  readonly #kind: Kind;

  constructor(parts: DirectoryParts, place: Place, schema: Desc) {
    this.#parts = parts;
    this.#place = place;
    this.#schema = schema;
    this.#kind = kindOf(schema);
  }

  /** Asks for the permission, then does it. @param does Where it is another method than the one that the permission is asked for. */
  async run(verb: Verb, id: string, request: Message, does = verb): Promise<Message> {
    const { org, request: web } = this.#place;
    const { desc } = this.#kind.standard[verb];
    return web.permit(this.#kind, verb, org, id, (principal, decidedBy) => {
      const call: Call = {
        ...{ principal, sourceIp: web.sourceIp, requestId: web.requestId, token: web.token, signal: web.signal },
        ...{ method: `${desc.parent.typeName}/${desc.name}`, decidedBy, idempotencyKey: "", waitMs: 0 },
      };
      return this.#parts.resources.unary(this.#kind, does, request, call);
    });
  }

  async one(verb: Verb, id: string, request: Message): Promise<MessageShape<Desc>> {
    const answer = await this.run(verb, id, request);
    if (isMessage(answer, this.#schema)) return answer;
    throw new Error(`the answer is a ${answer.$typeName}`);
  }

  get(id: string): Promise<MessageShape<Desc>> {
    return this.one("get", id, create(GetRequestSchema, { orgId: this.#place.org, id }));
  }

  /** Those of the ids that are there, by the permission to list. */
  async some(ids: readonly string[]): Promise<readonly MessageShape<Desc>[]> {
    const request = create(BatchGetRequestSchema, { orgId: this.#place.org, ids: [...ids] });
    return this.#rows(await this.run("list", "", request, "batchGet"));
  }

  #rows(page: Message): readonly MessageShape<Desc>[] {
    const rows: unknown = Reflect.get(page, this.#kind.plural);
    return Array.isArray(rows) ? rows.filter((row) => isMessage(row, this.#schema)) : [];
  }

  async all(): Promise<readonly MessageShape<Desc>[]> {
    const found: MessageShape<Desc>[] = [];
    for (let pageToken = ""; ; ) {
      const request = create(ListRequestSchema, { orgId: this.#place.org, pageSize, pageToken });
      const page = await this.run("list", "", request);
      found.push(...this.#rows(page));
      pageToken = String(Reflect.get(page, "nextPageToken") ?? "");
      if (pageToken === "") return found;
    }
  }

  async remove(id: string, etag: string): Promise<void> {
    await this.run("delete", id, create(DeleteRequestSchema, { orgId: this.#place.org, id, etag }));
  }

  /** Draws another id where the one that the name gives is taken. */
  async add(name: string, make: (id: string) => Message): Promise<MessageShape<Desc>> {
    for (let left = tries; ; left--) {
      try {
        return await this.one("create", "", make(idOf(name, left === tries ? undefined : this.#parts.random(4))));
      } catch (error) {
        const isIdTaken =
          error instanceof Fault && error.details.violations?.some(({ path }) => path === "id") === true;
        if (!isIdTaken || left === 1) throw error;
      }
    }
  }
}

function kindOf(schema: DescMessage): Kind {
  const kind = catalog().byTypeName(schema.typeName);
  if (kind === undefined) throw new Error(`the catalog lacks ${schema.typeName}`);
  return kind;
}

export function usersOf(parts: DirectoryParts, place: Place): Directory {
  const { org, base } = place;
  const calls = new Calls(parts, place, UserSchema);
  const shown = (user: User) => userToScim(user, `${base}/Users/${user.id}`);
  return {
    async list(filter) {
      const ids = await usersSought(parts.store, org, filter);
      return (ids === undefined ? await calls.all() : await calls.some(ids)).map(shown);
    },
    get: async (id) => shown(await calls.get(id)),
    async add(resource) {
      const user = userFromScim(resource, undefined);
      return shown(
        await calls.add(user.userName ?? "", (id) => unset(create(UserSchema, { ...user, orgId: org, id }))),
      );
    },
    async replace(id, etag, change) {
      const now = await calls.get(id);
      const prior = shown(now);
      const user = userFromScim(change(prior), prior);
      const updateMask = create(FieldMaskSchema, { paths: userPaths });
      const terms = { orgId: org, id, user: unset(user), updateMask, etag: etag === "" ? now.etag : etag };
      return shown(await calls.one("update", id, create(UpdateUserRequestSchema, terms)));
    },
    remove: (id, etag) => calls.remove(id, etag),
  };
}

export function groupsOf(parts: DirectoryParts, place: Place): Directory {
  const { org, base } = place;
  const calls = new Calls(parts, place, GroupSchema);
  const shown = (group: Group) => groupToScim(group, `${base}/Groups/${group.id}`, `${base}/Users`);
  return {
    async list(filter) {
      const ids = await groupsSought(parts.store, org, filter);
      return (ids === undefined ? await calls.all() : await calls.some(ids)).map(shown);
    },
    get: async (id) => shown(await calls.get(id)),
    async add(resource) {
      const group = groupFromScim(resource, org, undefined);
      return shown(await calls.add(group.name, (id) => unset(create(GroupSchema, { ...group, orgId: org, id }))));
    },
    async replace(id, etag, change) {
      const now = await calls.get(id);
      const group = groupFromScim(change(shown(now)), org, now);
      const updateMask = create(FieldMaskSchema, { paths: groupPaths });
      const terms = { orgId: org, id, group: unset(group), updateMask, etag: etag === "" ? now.etag : etag };
      return shown(await calls.one("update", id, create(UpdateGroupRequestSchema, terms)));
    },
    remove: (id, etag) => calls.remove(id, etag),
  };
}

/** An optional text that is empty is one that is not there. */
function unset<M extends User | Group>(message: M): M {
  if (message.externalId === "") delete message.externalId;
  if ("email" in message && message.email === "") delete message.email;
  return message;
}
