// Reads the identity token that a platform gives a program: from a variable, a file that it keeps fresh, or a command that asks for one.
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { PhotonError } from "./errors.ts";

/** Where the token comes from; the first that is given counts. */
export interface IdentityTokenSource {
  readonly token?: string | undefined;
  /** Read anew each time. */
  readonly file?: string | undefined;
  /** Run by the shell each time; the token is what it prints. */
  readonly command?: string | undefined;
}

/** How long a command may take, in milliseconds. */
const commandMs = 60_000;
const mostOutput = 64 * 1024;

/** @throws PhotonError unauthenticated where there is none to be had; what a command printed is never shown. */
export async function readIdentityToken({ token, file, command }: IdentityTokenSource): Promise<string> {
  if (token) return token.trim();
  const text = file ? await fromFile(file) : await fromCommand(command ?? "");
  if (text.trim() !== "") return text.trim();
  throw missing(file ? `the file ${file} is empty` : "the command for the identity token prints nothing");
}

function fromFile(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: unknown) => {
    throw missing(`the identity token can't be read from ${file}`, cause);
  });
}

async function fromCommand(command: string): Promise<string> {
  // Loaded where it is needed: few programs have such a command.
  const { exec } = await import("node:child_process");
  try {
    return (await promisify(exec)(command, { timeout: commandMs, maxBuffer: mostOutput })).stdout;
  } catch (error) {
    const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "no code";
    throw missing(`the command for the identity token failed (${code})`);
  }
}

function missing(why: string, cause?: unknown): PhotonError {
  return new PhotonError("unauthenticated", why, { cause });
}
