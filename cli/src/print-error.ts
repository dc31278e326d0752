// Says what went wrong: in the words of the flags that were given, with the request's id at the end.
import { isPhotonError } from "@photoncloud/sdk";
import type { Flag } from "./flags.ts";
import { UsageError } from "./usage-error.ts";

/** The deepest flag that a field's path falls under: spec.network[0].port_id → --spec.network. */
export function flagOfPath(path: string, flags: readonly Flag[]): string | undefined {
  const bare = path.replace(/\[[^\]]*\]/g, "");
  const under = flags.filter((flag) => bare === flag.protoPath || bare.startsWith(`${flag.protoPath}.`));
  const deepest = under.toSorted((a, b) => b.protoPath.length - a.protoPath.length)[0];
  return deepest === undefined ? undefined : `--${deepest.name}${deepest.field.sensitive ? "-stdin" : ""}`;
}

/** The lines of an error. */
export function errorText(error: unknown, flags: readonly Flag[] = []): string {
  if (error instanceof UsageError) return `error: ${error.message}\n`;
  if (!isPhotonError(error)) return `error: ${error instanceof Error ? error.message : String(error)}\n`;
  const fields = error.violations.map(({ path, message }) => {
    const flag = flagOfPath(path, flags);
    return `error: ${flag === undefined ? path : flag === `--${path}` ? flag : `${flag} (${path})`}: ${message}\n`;
  });
  const head = fields.length > 0 ? fields.join("") : `error: ${error.message}\n`;
  const more = [
    error.permission === "" || error.message.includes(error.permission)
      ? ""
      : `  permission needed: ${error.permission}\n`,
    ...error.resources
      .filter((resource) => !error.message.includes(resource))
      .map((resource) => `  in the way: ${resource}\n`),
    error.reason === "DATA_LOSS" ? "  to do it all the same: --allow-data-loss\n" : "",
    error.retry === "after_login" ? "  log in with: photon login\n" : "",
    error.requestId === "" ? "" : `  request ${error.requestId}\n`,
  ];
  return head + more.join("");
}
