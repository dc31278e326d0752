// OpenBreakGlass: gives the sealed administrator's token to the one who asked for it, once, for what is left of the hour.
import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { BreakGlassSchema, BreakGlassState } from "@photoncloud/proto/gen/iam/v1/break_glass_pb";
import type { Clock } from "../../../clock.ts";
import { messageOf } from "../../../engine/message.ts";
import { Fault } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { Call } from "../../call.ts";
import { authorOf } from "../../resources/work.ts";
import { principalName } from "../principal-name.ts";
import { unauthenticated } from "../tokens/access-token.ts";
import type { SessionLife, Tokens } from "../tokens/session-life.ts";
import { type ProvePerson, refuseUnless } from "./kind.ts";
import { glassOf, sealedAdmin } from "./state.ts";

export interface OpenGlassParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly life: SessionLife;
  readonly provePerson: ProvePerson;
}

const space = "iam/break-glass";

/** @throws Fault NOT_FOUND, WRONG_STATE, PERMISSION_DENIED (somebody else's) */
export async function openBreakGlass(parts: OpenGlassParts, id: string, call: Call): Promise<Tokens> {
  const { principal } = call;
  if (principal === undefined) throw unauthenticated();
  await parts.provePerson(principal);
  const by = principalName(principal);
  const endsAt = await markOpened(parts, id, by, call);
  const credential = { method: "break_glass", request: id, by } as const;
  const ttlMs = endsAt - parts.clock.now();
  return parts.life.begin({ identity: sealedAdmin, credential, project: "", ttlMs }, call);
}

/** Answers when its hour is over. */
async function markOpened({ store, clock }: OpenGlassParts, id: string, by: string, call: Call): Promise<number> {
  const key = { tenant: { org: "", project: "" }, kind: BreakGlassSchema.typeName, id };
  const row = await store.get(key);
  if (row === undefined) throw new Fault("NOT_FOUND", `there is no break-glass ${JSON.stringify(id)}`);
  const glass = glassOf(row);
  if (glass.requestedBy !== by)
    throw new Fault("PERMISSION_DENIED", "only the one who asked for it can open it", {
      permission: "iam:break_glasses:open",
    });
  refuseUnless(messageOf(BreakGlassSchema, row), BreakGlassState.APPROVED, clock.now());
  const once = { expected: 0, expiresAt: glass.expiresAt };
  if (!(await store.records.put(space, id, new TextEncoder().encode(by), once)))
    throw new Fault("WRONG_STATE", "its token was taken already");
  const opened = create(BreakGlassSchema, {
    state: BreakGlassState.OPENED,
    approvedBy: glass.approvedBy,
    expireTime: timestampFromMs(glass.expiresAt),
  });
  const bytes = toBinary(BreakGlassSchema, opened);
  await store.transact(async (tx) => {
    const now = await tx.get(key);
    if (now === undefined || glassOf(now).state !== BreakGlassState.APPROVED)
      throw new Fault("WRONG_STATE", "it was ended meanwhile");
    tx.observe(key, bytes);
    const resource = Buffer.concat([now.data, bytes]);
    const who = { ...authorOf(call), permission: "iam:break_glasses:open" };
    tx.append({ ...key, ...who, type: "updated", version: now.version, resource });
  });
  return glass.expiresAt;
}
