// Images that were uploaded to this cloud: their names say so, and whoever opens a driver tells how they are opened. On the server's machine that is a
// file; an agent is given the bytes by the server.
import type { Readable } from "node:stream";

/** Told how many bytes will come, where that is known beforehand. @throws DriverError if they are too many. */
export type CheckSize = (sizeBytes: number) => void;

/** Opens the bytes of an upload. @throws DriverError "missing" if nothing was uploaded under that name. */
export type OpenUpload = (url: string, signal: AbortSignal, checkSize?: CheckSize) => Promise<Readable>;

/** Opens a built-in image that this host has no file of. @throws DriverError "unavailable" */
export type OpenBuiltIn = (imageId: string, signal: AbortSignal, checkSize?: CheckSize) => Promise<Readable>;

export function isUpload(url: string): boolean {
  return url.startsWith("upload:");
}
