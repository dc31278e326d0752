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
} from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { Fault } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { Call, ResourceCalls } from "../../call.ts";
import type { WebRequest } from "../../web.ts";
import { idOf } from "../federation/oauth/user-id.ts";
import { tooEarly, tooMany } from "./error.ts";
import { type Equality, fitsFilter } from "./filter.ts";
import { groupFromScim, groupPaths, groupToScim } from "./group.ts";
import type { Json } from "./json.ts";
import { groupsSought, usersSought } from "./sought.ts";
import { userFromScim, userPaths, userToScim } from "./user.ts";

/** Resources that one answer looks at where no index says which are meant. */
const mostLooked = 1_000;
/** Ids that are tried for a new resource. */
const tries = 5;

export interface DirectoryParts {
  readonly resources: ResourceCalls;
  readonly random: (bytes: number) => Uint8Array;
  readonly store: Pick<Store, "transact" | "holder" | "ids">;
  /** Whether everything can be looked up by what directories call it; until then all of it is looked at. */
  readonly isFilled: () => Promise<boolean>;
}

/** A part of a list (RFC 7644, section 3.4.2.4). */
export interface Page {
  /** Resources before the first. */
  readonly skip: number;
  readonly limit: number;
}

export interface Part {
  readonly resources: readonly Json[];
  /** How many there are on all pages. */
  readonly total: number;
}

/** One sort of resource of an org: Users or Groups. */
export interface Directory {
  /** A part of those that have all of the values. */
  list(filter: readonly Equality[], page: Page): Promise<Part>;
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

/** What a list is made of, once its caller may list. */
interface Rows<Desc extends DescMessage> {
  page(page: Page): Promise<{ readonly rows: readonly MessageShape<Desc>[]; readonly total: number }>;
  /** Those of the ids that are there. */
  some(ids: readonly string[]): Promise<readonly MessageShape<Desc>[]>;
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

  /** Asks for the permission, then does something with it. */
  async #permitted<T>(verb: Verb, id: string, work: (call: Call) => Promise<T>): Promise<T> {
    const { org, request: web } = this.#place;
    const { desc } = this.#kind.standard[verb];
    return web.permit(this.#kind, verb, org, id, (principal, decidedBy) =>
      work({
        principal,
        sourceIp: web.sourceIp,
        requestId: web.requestId,
        token: web.token,
        signal: web.signal,
        method: `${desc.parent.typeName}/${desc.name}`,
        decidedBy,
        idempotencyKey: "",
        waitMs: 0,
      }),
    );
  }

  async run(verb: Verb, id: string, request: Message): Promise<Message> {
    return this.#permitted(verb, id, (call) => this.#parts.resources.unary(this.#kind, verb, request, call));
  }

  async one(verb: Verb, id: string, request: Message): Promise<MessageShape<Desc>> {
    const answer = await this.run(verb, id, request);
    if (isMessage(answer, this.#schema)) return answer;
    throw new Error(`the answer is a ${answer.$typeName}`);
  }

  get(id: string): Promise<MessageShape<Desc>> {
    return this.one("get", id, create(GetRequestSchema, { orgId: this.#place.org, id }));
  }

  /** Lists in the caller's name. Nothing is read before it is known that they may. */
  listing<T>(work: (rows: Rows<Desc>) => Promise<T>): Promise<T> {
    return this.#permitted("list", "", (call) => {
      const some = (ids: readonly string[]) => this.#some(ids, call);
      return work({ some, page: (page) => this.#page(page, some) });
    });
  }

  async #page({ skip, limit }: Page, some: Rows<Desc>["some"]) {
    const tenant = { org: this.#place.org, project: "" };
    const { ids, total } = await this.#parts.store.ids({ tenant, kind: this.#kind.typeName, skip, limit });
    return { rows: await some(ids), total };
  }

  async #some(ids: readonly string[], call: Call): Promise<readonly MessageShape<Desc>[]> {
    const request = create(BatchGetRequestSchema, { orgId: this.#place.org, ids: [...ids] });
    return this.#rows(await this.#parts.resources.unary(this.#kind, "batchGet", request, call));
  }

  #rows(page: Message): readonly MessageShape<Desc>[] {
    const rows: unknown = Reflect.get(page, this.#kind.plural);
    return Array.isArray(rows) ? rows.filter((row) => isMessage(row, this.#schema)) : [];
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

interface Listed<Desc extends DescMessage> {
  readonly filter: readonly Equality[];
  readonly page: Page;
  readonly shown: (row: MessageShape<Desc>) => Json;
  /** The ids that the filter can mean; undefined: any. */
  readonly sought: () => Promise<readonly string[] | undefined>;
  readonly isFilled: DirectoryParts["isFilled"];
}

/** @throws ScimError tooMany; or that it is too early, where an index may say which are meant as soon as it is filled. */
async function allOfFew<Desc extends DescMessage>(
  { page }: Rows<Desc>,
  isFilled: DirectoryParts["isFilled"],
): Promise<readonly MessageShape<Desc>[]> {
  const { total } = await page({ skip: 0, limit: 0 });
  if (total > mostLooked) throw (await isFilled()) ? tooMany(mostLooked) : tooEarly();
  return (await page({ skip: 0, limit: mostLooked })).rows;
}

/** Without a filter a page is read, and no more; with one, what an index names, or where none does, all of an org that has few. */
function listed<Desc extends DescMessage>(
  calls: Calls<Desc>,
  { filter, page, shown, sought, isFilled }: Listed<Desc>,
): Promise<Part> {
  return calls.listing(async (rows) => {
    if (filter.length === 0) {
      const part = await rows.page(page);
      return { resources: part.rows.map(shown), total: part.total };
    }
    const ids = await sought();
    const found = ids === undefined ? await allOfFew(rows, isFilled) : await rows.some(ids);
    const fitting = found.map(shown).filter((one) => fitsFilter(one, filter));
    return { resources: fitting.slice(page.skip, page.skip + page.limit), total: fitting.length };
  });
}

export function usersOf(parts: DirectoryParts, place: Place): Directory {
  const { org, base } = place;
  const { isFilled } = parts;
  const calls = new Calls(parts, place, UserSchema);
  const shown = (user: User) => userToScim(user, `${base}/Users/${user.id}`);
  return {
    list: (filter, page) =>
      listed(calls, { filter, page, shown, isFilled, sought: () => usersSought(parts, org, filter) }),
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
  const { isFilled } = parts;
  const calls = new Calls(parts, place, GroupSchema);
  const shown = (group: Group) => groupToScim(group, `${base}/Groups/${group.id}`, `${base}/Users`);
  return {
    list: (filter, page) =>
      listed(calls, { filter, page, shown, isFilled, sought: () => groupsSought(parts, org, filter) }),
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
