// @photoncloud/proto: what the cloud is. The generated messages live under `@photoncloud/proto/gen/…`.
export * from "./catalog.ts";
export { formatIpV4, parseIpV4, parseIpV6 } from "./formats.ts";
export { catalogText } from "./golden.ts";
export * from "./names.ts";
export * from "./reasons.ts";
export * from "./validate.ts";
