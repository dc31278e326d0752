// Structured logs. What goes in is chosen field by field: no bodies, no tokens, no secrets.
import { type Logger, pino, stdSerializers } from "pino";
import type { LogLevel } from "../config.ts";

export type Log = Logger;

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
