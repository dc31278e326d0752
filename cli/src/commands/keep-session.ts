// Keeps a session as a context, which is then the current one.

import type { IssueTokenResponse } from "@photoncloud/sdk";
import { type Context, contextsPath, readContexts, updateContexts } from "@photoncloud/sdk/contexts";
import type { Io } from "../io.ts";
import { UsageError } from "../usage-error.ts";

/** What of an answer a context keeps. */
export function keptSession({ token, expireTime, refreshToken }: IssueTokenResponse) {
  return { token, expireTime: (expireTime ?? new Date(0)).toISOString(), refreshToken };
}

export function keepContext(name: string, context: Context, io: Io): void {
  updateContexts(contextsPath(io.env), (file) => ({
    current: name,
    contexts: { ...file.contexts, [name]: context },
  }));
}

/** The context that a command works in, and its name; undefined where it is given by variables. */
export function currentContext(
  io: Io,
  chosen?: string,
): { readonly name: string; readonly context: Context } | undefined {
  const file = readContexts(contextsPath(io.env));
  const name = chosen ?? io.env.PHOTON_CONTEXT ?? (io.env.PHOTON_ENDPOINT === undefined ? file.current : undefined);
  if (name === undefined) return undefined;
  const context = file.contexts[name];
  if (context === undefined) throw new UsageError(`there is no context ${name}: log in with \`photon login\``);
  return { name, context };
}
