// The file of the contexts: $XDG_CONFIG_HOME/photoncloud/contexts.json, readable by its owner alone.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { PhotonError } from "../errors.ts";
import { isObject } from "../values.ts";

/** One cloud, as one principal. */
export interface Context {
  readonly endpoint: string;
  readonly org: string;
  readonly project: string;
  readonly principal: string;
  /** The certificates to trust, in PEM. */
  readonly ca?: string;
  readonly token: string;
  /** ISO 8601. */
  readonly expireTime: string;
  readonly refreshToken: string;
}

export interface Contexts {
  /** The name of the one in use; "" for none. */
  readonly current: string;
  readonly contexts: Readonly<Record<string, Context>>;
}

export function contextsPath(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(env.XDG_CONFIG_HOME || join(homedir(), ".config"), "photoncloud", "contexts.json");
}

function isContext(value: unknown): value is Context {
  const texts = ["endpoint", "org", "project", "principal", "token", "expireTime", "refreshToken"];
  return isObject(value) && texts.every((key) => typeof value[key] === "string");
}

function isMissing(error: unknown): boolean {
  return isObject(error) && error.code === "ENOENT";
}

/** No file is no contexts. @throws PhotonError when the file is not what `photon login` writes. */
export function readContexts(path: string): Contexts {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return { current: "", contexts: {} };
    throw error;
  }
  try {
    const file: unknown = JSON.parse(text);
    if (isObject(file) && typeof file.current === "string" && isObject(file.contexts)) {
      const contexts = Object.entries(file.contexts).filter((entry): entry is [string, Context] => isContext(entry[1]));
      return { current: file.current, contexts: Object.fromEntries(contexts) };
    }
  } catch {
    // Told below, without the text: it holds tokens.
  }
  throw new PhotonError("invalid_argument", `${path} is damaged: remove it and log in again with \`photon login\``);
}

/** Reads, changes and writes the file, whole or not at all, with mode 0600 in a folder of mode 0700. */
export function updateContexts(path: string, change: (contexts: Contexts) => Contexts): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const next = change(readContexts(path));
  const draft = `${path}.${process.pid}.${crypto.randomUUID()}`;
  writeFileSync(draft, `${JSON.stringify(next, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  renameSync(draft, path);
}
