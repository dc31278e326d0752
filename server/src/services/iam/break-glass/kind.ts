// Break-glass: one person asks for the sealed administrator with a reason, another one approves. The token is taken with OpenBreakGlass.
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { type BreakGlass, BreakGlassSchema, BreakGlassState } from "@photoncloud/proto/gen/iam/v1/break_glass_pb";
import { Fault } from "../../../fault.ts";
import { type Admission, defineKind, type Principal } from "../../kind.ts";
import { nameById } from "../ids.ts";
import { principalName } from "../principal-name.ts";
import { isSealed } from "./state.ts";

/** How long a request waits, and how long the administrator is unlocked. */
const glassMs = 3_600_000;

const words: Readonly<Record<BreakGlassState, string>> = {
  [BreakGlassState.UNSPECIFIED]: "unknown",
  [BreakGlassState.REQUESTED]: "requested",
  [BreakGlassState.APPROVED]: "approved",
  [BreakGlassState.OPENED]: "open",
  [BreakGlassState.ENDED]: "ended",
};

/** @throws Fault unless a person has just shown to be who it says, and has logged in by itself. */
export type ProvePerson = (caller: Principal) => Promise<void>;

export function breakGlassKind(provePerson: ProvePerson) {
  /** Who calls: a person, and not the sealed administrator itself. */
  async function person(admission: Admission): Promise<Principal> {
    const { principal } = admission.caller;
    if (principal === undefined || principal.kind !== "user" || isSealed(principal))
      throw new Fault("WRONG_STATE", "breaking the glass takes two people; this call is not a person's");
    if (!admission.planning) await provePerson(principal);
    return principal;
  }
  return defineKind({
    schema: BreakGlassSchema,
    uniqueName: "none",
    async admit(admission, next, prior) {
      nameById(next);
      if (prior !== undefined) return;
      next.requestedBy = principalName(await person(admission));
      next.state = BreakGlassState.REQUESTED;
      next.expireTime = timestampFromMs(admission.now + glassMs);
    },
    async admitDelete(admission, glass) {
      const { state } = glass.message;
      if (isUnlocked(glass.message, admission.now))
        throw new Fault("WRONG_STATE", `the glass is ${words[state]}; end it first`);
    },
    methods: {
      ApproveBreakGlass: {
        async update(message, _, admission) {
          const approver = principalName(await person(admission));
          if (approver === message.requestedBy)
            throw new Fault("WRONG_STATE", "who asks can't approve; another person must");
          refuseUnless(message, BreakGlassState.REQUESTED, admission.now);
          message.approvedBy = approver;
          message.state = BreakGlassState.APPROVED;
          message.expireTime = timestampFromMs(admission.now + glassMs);
        },
      },
      EndBreakGlass: {
        async update(message) {
          message.state = BreakGlassState.ENDED;
        },
      },
    },
  });
}

function isUnlocked({ state, expireTime }: BreakGlass, now: number): boolean {
  const open = state === BreakGlassState.APPROVED || state === BreakGlassState.OPENED;
  return open && expireTime !== undefined && timestampMs(expireTime) > now;
}

/** @throws Fault WRONG_STATE */
export function refuseUnless({ state, expireTime }: BreakGlass, wanted: BreakGlassState, now: number): void {
  if (expireTime === undefined || timestampMs(expireTime) <= now)
    throw new Fault("WRONG_STATE", "its hour is over; ask for a new one");
  if (state !== wanted) throw new Fault("WRONG_STATE", `it is ${words[state]}, and would have to be ${words[wanted]}`);
}
