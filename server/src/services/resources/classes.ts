// What the change of a field does to what is there: a plan tells it, and an update that loses data is refused unless its caller means it.
import type { Message } from "@bufbuild/protobuf";
import { Impact } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import type { Drivers } from "../../backends/drivers.ts";
import { Fault } from "../../fault.ts";
import { type Difference, differences } from "./immutable.ts";
import type { Slice } from "./slices.ts";
import { UnknownNeeded } from "./veil.ts";

const impacts = { hot: Impact.HOT, restart: Impact.RESTART, data_loss: Impact.DATA_LOSS } as const;

export function impactOf(
  { definition }: Slice,
  drivers: Drivers,
  { path, immutable }: Pick<Difference, "path" | "immutable">,
  prior: Message,
  next: Message,
): Impact {
  if (immutable) return Impact.REPLACE;
  try {
    return impacts[definition.impact?.(path, prior, next, drivers) ?? "hot"];
  } catch (error) {
    if (error instanceof UnknownNeeded) return Impact.HOT;
    throw error;
  }
}

/** The header by which a caller says that a change may lose data. */
export const consentHeader = "photon-allow-data-loss";

/** @throws Fault DATA_LOSS, naming each field whose change destroys what nothing brings back. */
export function refuseDataLoss(slice: Slice, drivers: Drivers, prior: Message, next: Message): void {
  const { kind, definition } = slice;
  if (definition.impact === undefined) return;
  const lost = differences(kind.fields, prior, next)
    .filter((one) => impactOf(slice, drivers, one, prior, next) === Impact.DATA_LOSS)
    .map(({ path }) => path);
  if (lost.length === 0) return;
  const message = `this change destroys data that nothing brings back: write back what was taken away, or say that you mean it (${consentHeader}: true)`;
  const violations = lost.map((path) => ({ path, rule: "data_loss", message }));
  throw new Fault("DATA_LOSS", `${lost.join(", ")}: ${message}`, { violations });
}
