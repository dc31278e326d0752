// @photoncloud/cli: the `photon` command. Its commands are made from the catalog; it speaks to the cloud through the SDK alone.
export { exitCodes } from "./exit-codes.ts";
export type { Io } from "./io.ts";
export { main } from "./main.ts";
export { processIo } from "./process-io.ts";
