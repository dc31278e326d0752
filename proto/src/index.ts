// @photoncloud/proto: what the cloud is. The generated messages live under `@photoncloud/proto/gen/…`.
export { formatIpV4, formatIpV6, parseIpV4, parseIpV6, wrongCidr } from "./addresses.ts";
export * from "./catalog.ts";
export type * from "./facts.ts";
export { catalogText } from "./golden.ts";
export * from "./names.ts";
export { type PackedCatalog, packCatalog, unpackCatalog } from "./packed.ts";
export * from "./reasons.ts";
export * from "./validate.ts";
