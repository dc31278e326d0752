// Addresses to listen on, as people write them: "127.0.0.1:50080", "[::]:443", ":8080", "50080".
import { isIP } from "node:net";
import { ConfigError } from "./config-error.ts";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** Only this machine reaches it. */
  readonly loopback: boolean;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** @throws ConfigError, naming the setting, if it is no address or no port. */
export function parseAddress(setting: string, text: string, defaultPort?: number): ListenAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([A-Za-z0-9.-]*))(?::(\d{1,5}))?$/i.exec(text.trim());
  const bare = /^\d+$/.test(text.trim());
  const host = bare ? "127.0.0.1" : (match?.[1] ?? (match?.[2] || "127.0.0.1"));
  const port = Number(bare ? text : (match?.[3] ?? defaultPort ?? Number.NaN));
  if ((match === null && !bare) || !(port >= 0 && port <= 65_535))
    throw new ConfigError(`${setting} is "${text}"; it must be HOST:PORT, for example 127.0.0.1:50080 or [::1]:50080`);
  return { host, port, loopback: isLoopback(host) };
}

/** As `parseAddress`, for a list with commas. */
export function parseAddresses(setting: string, text: string): readonly ListenAddress[] {
  return text
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part) => parseAddress(setting, part));
}
