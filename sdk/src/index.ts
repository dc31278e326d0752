// @photoncloud/sdk: the cloud as plain TypeScript objects. It imports the schema and axios, and nothing of the server.
export { PhotonCloud, type UploadOptions } from "./cloud.ts";
export { version } from "./endpoint.ts";
export {
  type ErrorCode,
  type FieldProblem,
  isPhotonError,
  PhotonError,
  type PhotonErrorDetails,
  type RetryAdvice,
} from "./errors.ts";
export { EventClient, type EventFilter, type EventListOptions, type EventWatchOptions } from "./events.ts";
export { bytesOf, type FilePart, type VmExport, type VmExportOptions } from "./export-vm.ts";
export type { Filter } from "./filter.ts";
export type * from "./gen/clients.ts";
export type * from "./gen/types.ts";
export type { CallOptions, Credentials, GivenToken, PhotonCloudOptions, Receipt, TokenRequest } from "./options.ts";
export { type Page, Pages } from "./pages.ts";
export type { RawCallOptions } from "./raw.ts";
export type {
  ListOptions,
  Planned,
  PlanOptions,
  ResourceClient,
  UpdateOptions,
  WatchEvent,
  WatchOptions,
} from "./resource-client.ts";
export type { Timing } from "./timing.ts";
export type { Duration, Id } from "./values.ts";
export type { Progress, WaitOptions } from "./wait.ts";
