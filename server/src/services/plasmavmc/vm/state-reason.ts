// What a machine that runs says of itself: why its guest does not get on, as long as that lasts, and why it was last started again.
import type { Vm } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";

const before = "; before that: ";

/** @param trouble undefined: the guest gets on. */
export function reasonWhileOn(
  { stateReason, restarts }: Pick<Vm, "stateReason" | "restarts">,
  trouble: string | undefined,
): string {
  const lasting = restarts === 0 ? "" : (stateReason.split(before).at(-1) ?? "");
  return [trouble ?? "", lasting].filter((words) => words !== "").join(before);
}
