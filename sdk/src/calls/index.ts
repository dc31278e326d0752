// @photoncloud/sdk/calls: calls in protobuf's JSON over an HTTP of the caller's own, with tokens, retries and deadlines. For programs that
// start often and work with the schema themselves (the Terraform provider): it loads neither axios nor the clients of the kinds.
export { checkedEndpoint, userAgentOf } from "../endpoint.ts";
export { failureOf } from "../http-failure.ts";
export type { Http, HttpAnswer, HttpError, HttpRequest } from "../http-port.ts";
export { type IdentityTokenSource, readIdentityToken } from "../identity-token.ts";
export { transportOf } from "../login.ts";
export type { Credentials, Receipt } from "../options.ts";
export type { Call, Transport } from "../transport.ts";
