// Keeps errors short. gRPC sends them as headers, of which common clients take 8 KiB in all (gRPC core's max_metadata_size); and whoever
// asks with megabytes must not be answered with megabytes.
import type { FaultDetails } from "../fault.ts";

/** Bytes of the sentence; it travels twice. */
const longestMessage = 1_200;
/** Bytes of one violation's path, and of its message. */
const longestPath = 256;
const longestViolation = 600;
/** Bytes of all violations, and of all resources. */
const allViolations = 2_000;
const allResources = 1_000;

/** The beginning of a text, at most so many bytes of UTF-8, with a mark where something is missing. */
export function shortened(text: string, bytes: number): string {
  if (text.length <= bytes / 3 || Buffer.byteLength(text) <= bytes) return text;
  const head = Buffer.from(text.slice(0, bytes)).subarray(0, bytes - 3);
  // A character that was cut in two reads as U+FFFD.
  return `${head.toString().replace(/\uFFFD+$/, "")}…`;
}

/** The first elements whose sizes fit into a budget; always one. */
function within<T>(elements: readonly T[], budget: number, sizeOf: (element: T) => number): readonly T[] {
  let left = budget;
  return elements.filter((element, i) => {
    left -= sizeOf(element);
    return left >= 0 || i === 0;
  });
}

/** What an error says, short enough to travel. */
export function brief(message: string, details: FaultDetails) {
  const { violations = [], resources = [], permission = "" } = details;
  const shown = violations.map(({ path, rule, message: text }) => ({
    path: shortened(path, longestPath),
    rule,
    message: shortened(text, longestViolation),
  }));
  const named = resources.map((resource) => shortened(resource, longestPath));
  return {
    message: shortened(message, longestMessage),
    violations: [...within(shown, allViolations, (one) => Buffer.byteLength(one.path + one.rule + one.message))],
    resources: [...within(named, allResources, (one) => Buffer.byteLength(one))],
    permission: shortened(permission, longestPath),
  };
}
