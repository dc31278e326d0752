// Structured logs. What goes in is chosen field by field: no bodies, no tokens, no secrets.
import { type Logger, pino, stdSerializers } from "pino";

export type Log = Logger;

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** One JSON object a line on standard error, where standard output is for what a person asked for. */
export function createLog(level: LogLevel, fields: Readonly<Record<string, string>> = {}): Log {
  const options = {
    level,
    base: fields,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    serializers: { err: stdSerializers.errWithCause },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, pino.destination({ fd: 2, sync: false, minLength: 0 }));
}
