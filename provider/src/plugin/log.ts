// Log lines as Terraform reads them from stderr: one JSON object each. Nothing that a user wrote is logged.

export type Level = "trace" | "debug" | "info" | "warn" | "error";

/** Terraform's time format wants exactly six digits of a second. */
export const logTime = (now: Date) => now.toISOString().replace("Z", "000Z");

/** Terraform does not parse longer lines (bytes). */
const longest = 60_000;

/** Writes one line; shown by TF_LOG_PROVIDER at its level. */
export function log(level: Level, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
  const head = { "@level": level, "@message": message, "@module": "photoncloud", "@timestamp": logTime(new Date()) };
  const line = JSON.stringify({ ...head, ...fields });
  process.stderr.write(`${line.length > longest ? JSON.stringify(head).slice(0, longest) : line}\n`);
}
