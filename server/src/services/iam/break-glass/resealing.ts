// Seals the administrator again when its hour is over: its tokens end by themselves, and the log and the alarm say that they did.
import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { BreakGlassSchema, BreakGlassState } from "@photoncloud/proto/gen/iam/v1/break_glass_pb";
import type { Clock } from "../../../clock.ts";
import type { ResourceRow, Store } from "../../../store/store.ts";
import { authorOf, cloudItself } from "../../resources/work.ts";
import { glassOf } from "./state.ts";

export interface ResealingParts {
  readonly store: Store;
  readonly clock: Clock;
  failed(error: unknown): void;
}

const tenant = { org: "", project: "" };
const unlocked: ReadonlySet<BreakGlassState> = new Set([BreakGlassState.APPROVED, BreakGlassState.OPENED]);
/** How often it looks for what other servers have unlocked: far more often than an hour is long. Milliseconds. */
const lookMs = 60_000;
/** Two people unlock one at a time; there are never this many. */
const most = 1_000;

const method = "iam.v1.BreakGlassService/EndBreakGlass";
const byTime = authorOf({ ...cloudItself, method, decidedBy: "time" });

function isUnlocked(row: ResourceRow): boolean {
  return row.phase === "live" && unlocked.has(glassOf(row).state);
}

export class Resealing {
  readonly #parts: ResealingParts;
  readonly #stopping = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(parts: ResealingParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#loop ??= this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, failed } = this.#parts;
    while (!signal.aborted) {
      const next = await this.#look().catch((error: unknown) => void failed(error));
      await clock.sleep(Math.min(lookMs, (next ?? Number.POSITIVE_INFINITY) - clock.now()), signal);
    }
  }

  /** Ends those whose hour is over. Answers when the next one's is. */
  async #look(): Promise<number> {
    const { store, clock } = this.#parts;
    const rows = await store.list({ tenants: [tenant], kind: BreakGlassSchema.typeName, limit: most });
    const open = rows.filter(isUnlocked);
    for (const row of open) if (glassOf(row).expiresAt <= clock.now()) await this.#seal(row.id);
    const later = open.map((row) => glassOf(row).expiresAt).filter((at) => at > clock.now());
    return Math.min(...later);
  }

  async #seal(id: string): Promise<void> {
    const key = { tenant, kind: BreakGlassSchema.typeName, id };
    await this.#parts.store.transact(async (tx) => {
      const row = await tx.get(key);
      if (row === undefined || !isUnlocked(row) || glassOf(row).expiresAt > tx.now) return;
      const { approvedBy, expiresAt } = glassOf(row);
      const terms = { state: BreakGlassState.ENDED, approvedBy, expireTime: timestampFromMs(expiresAt) };
      const sealed = toBinary(BreakGlassSchema, create(BreakGlassSchema, terms));
      tx.observe(key, sealed);
      const resource = Buffer.concat([row.data, sealed]);
      tx.append({ ...key, ...byTime, type: "updated", version: row.version, permission: "", resource });
    });
  }
}
