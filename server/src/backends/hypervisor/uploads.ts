// Images that were uploaded to this cloud: their names say so, and whoever opens a driver tells how they are opened. On one machine that is a
// file; a host elsewhere needs another way.
import type { Readable } from "node:stream";

/** Opens the bytes of an upload. @throws DriverError "missing" if nothing was uploaded under that name. */
export type OpenUpload = (url: string, signal: AbortSignal) => Promise<Readable>;

export function isUpload(url: string): boolean {
  return url.startsWith("upload:");
}
