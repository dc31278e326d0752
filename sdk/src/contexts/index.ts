// The contexts that `photon login` keeps: for each cloud its address, its tenant and a session. No password and no key is kept.

export { fromEnvironment } from "../environment.ts";
export { type IdentityTokenSource, readIdentityToken } from "../identity-token.ts";
export { contextCredentials, contextOptions } from "./credentials.ts";
export { type Context, type Contexts, contextsPath, readContexts, updateContexts } from "./file.ts";
