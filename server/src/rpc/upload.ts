// PUT /uploads/{digest}?org_id=…&project_id=…: the bytes of an image to be, from whoever may create images there. Beside the methods, since a
// message can't be as large as a disk.
import type { IncomingMessage } from "node:http";
import { create } from "@bufbuild/protobuf";
import { catalog, type Kind } from "@photoncloud/proto";
import { GetRequestSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { Fault } from "../fault.ts";
import type { Uploads } from "../services/plasmavmc/image/uploads.ts";
import { actorOf } from "../services/resources/work.ts";
import type { Access, Asked } from "./access.ts";
import { bearerOf } from "./headers.ts";
import type { HttpRequest } from "./http.ts";
import type { EdgeParts } from "./parts.ts";
import { kindPath } from "./scope.ts";
import { createStreamCount, endWhenRevoked, untilEnded } from "./streams.ts";
import type { RememberingAuthenticator } from "./tokens.ts";

export const uploadsPath = "/uploads/";
/** How long a client may send nothing, in milliseconds. */
const silenceMs = 60_000;

export interface UploadAnswer {
  readonly digest: string;
  readonly size_bytes: number;
}

/** What the log calls an upload: it is the first half of making an image. */
const uploadMethod = "plasmavmc.v1.ImageService/CreateImage";

/** Answers what was kept. @throws Fault */
export type UploadHandler = (request: HttpRequest, requestId: string) => Promise<UploadAnswer>;

export type UploadParts = Pick<EdgeParts, "audit" | "clock"> & {
  readonly uploads: Uploads;
  readonly access: Access;
  readonly tokens: RememberingAuthenticator;
  /** Aborts, with a Fault, when the server stops. */
  readonly stopping: AbortSignal;
};

export function createUploadHandler(parts: UploadParts): UploadHandler {
  const { uploads, access, tokens, stopping } = parts;
  const kind = imageKind();
  const count = createStreamCount();
  return async (request, requestId) => {
    const { digest, ...scope } = asked(request);
    const token = bearerOf(request.headers.authorization ?? null);
    const asker = { token, sourceIp: request.socket.remoteAddress ?? "", requestId };
    const what = creation(kind, scope);
    const principal = await access.whose(asker, what);
    const mayUpload = () => access.check(principal, asker, what);
    const caller = await mayUpload();
    const recheck = async () => void (await mayUpload());
    const leave = count.enter(actorOf(principal));
    const [revoked, over] = [new AbortController(), new AbortController()];
    try {
      void endWhenRevoked(principal, revoked, over.signal, tokens);
      const ends = AbortSignal.any([stopping, revoked.signal]);
      const bytes = untilEnded(heard(request), { ends, permission: { recheck, clock: parts.clock } });
      const upload = { tenant: { org: scope.orgId, project: scope.projectId }, digest, sizeBytes: lengthOf(request) };
      const size = await uploads.receive(upload, bytes, ends).catch((error: unknown) => {
        throw ends.aborted ? ends.reason : error;
      });
      await parts.audit({
        type: "accessed",
        tenant: upload.tenant,
        kind: kind.typeName,
        id: digest,
        caller,
        permission: what.permission,
      });
      return { digest, size_bytes: size };
    } finally {
      over.abort();
      leave();
    }
  };
}

/** To create an image there. */
function creation(kind: Kind, scope: Scope): Asked {
  const { permission } = kind.standard.create;
  const path = kindPath(kind, "create", create(GetRequestSchema, scope));
  return { permission, method: uploadMethod, path, kind: kind.typeName, attributes: async () => ({}) };
}

function imageKind(): Kind {
  const kind = catalog().byTypeName(ImageSchema.typeName);
  if (kind === undefined) throw new Error(`${ImageSchema.typeName} is no kind of the catalog`);
  return kind;
}

interface Scope {
  readonly orgId: string;
  readonly projectId: string;
}

function asked({ url = "" }: HttpRequest): Scope & { readonly digest: string } {
  const { pathname, searchParams } = new URL(url, "http://localhost");
  const [orgId, projectId] = [searchParams.get("org_id") ?? "", searchParams.get("project_id") ?? ""];
  if (orgId === "" && projectId !== "")
    throw new Fault("MALFORMED_REQUEST", "a project is named without its org: give org_id");
  return { orgId, projectId, digest: digestIn(pathname) };
}

/** @throws Fault MALFORMED_REQUEST */
function digestIn(pathname: string): string {
  try {
    return decodeURIComponent(pathname.slice(uploadsPath.length));
  } catch (cause) {
    throw new Fault("MALFORMED_REQUEST", "the path can't be read: give /uploads/sha256:…", { cause });
  }
}

function lengthOf({ headers }: Pick<IncomingMessage, "headers">): number | undefined {
  const length = Number(headers["content-length"] ?? Number.NaN);
  return Number.isSafeInteger(length) && length >= 0 ? length : undefined;
}

/** Passes on what comes, and gives up on a client that sends nothing for a while. */
async function* heard(request: HttpRequest): AsyncGenerator<Uint8Array> {
  const giveUp = () => request.destroy(new Fault("DEADLINE_EXCEEDED", "nothing came for a minute"));
  let timer = setTimeout(giveUp, silenceMs);
  try {
    for await (const chunk of request) {
      clearTimeout(timer);
      yield chunk;
      timer = setTimeout(giveUp, silenceMs);
    }
  } finally {
    clearTimeout(timer);
  }
}
