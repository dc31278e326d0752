// How many tasks run at the same time: those that take much of a host, and beside them those that only wait for databases, so that neither
// takes the other's place.
import type { EngineKind } from "./kind.ts";

/** How many tasks of each sort may run at the same time. */
export interface Widths {
  readonly heavy: number;
  readonly light: number;
}

interface Lane {
  readonly kinds: readonly string[];
  readonly width: number;
  running: number;
}

/** Kinds of which more tasks may run. */
export interface Room {
  readonly kinds: readonly string[];
  readonly limit: number;
}

export class Lanes {
  readonly #lanes: readonly Lane[];

  constructor(kinds: readonly Pick<EngineKind<never>, "schema" | "reconciler">[], { heavy, light }: Widths) {
    const lane = (isLight: boolean, width: number): Lane => ({
      kinds: kinds
        .filter(({ reconciler }) => (reconciler?.light ?? false) === isLight)
        .map((one) => one.schema.typeName),
      width,
      running: 0,
    });
    this.#lanes = [lane(false, heavy), lane(true, light)].filter((one) => one.kinds.length > 0);
  }

  /** Where there is room. */
  rooms(): readonly Room[] {
    return this.#lanes
      .map(({ kinds, width, running }) => ({ kinds, limit: width - running }))
      .filter(({ limit }) => limit > 0);
  }

  /** Counts a task of a kind as running. Answers how to stop. */
  enter(kind: string): () => void {
    const lane = this.#lanes.find(({ kinds }) => kinds.includes(kind));
    if (lane === undefined) return () => undefined;
    lane.running++;
    return () => {
      lane.running--;
    };
  }
}
