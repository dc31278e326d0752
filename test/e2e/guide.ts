// What a guide tells its readers to type.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const fence = /^```(\w*)\n(.*?)^```$/gms;

interface Block {
  readonly language: string;
  readonly text: string;
}

export function blocksOf(guide: string): readonly Block[] {
  const text = readFileSync(join(root, "docs/guides", guide), "utf8");
  return [...text.matchAll(fence)].map(([, language = "", body = ""]) => ({ language, text: body }));
}

/** The commands of a guide's shell blocks, one line each, without comments. */
export function commandsOf(guide: string): readonly string[] {
  const shell = blocksOf(guide).filter(({ language }) => language === "sh");
  const lines = shell.flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"));
  return lines.map((line) => line.replace(/\s+# .*$/, "").trim()).filter((line) => line !== "");
}

/** The words of a command, as a shell splits them that knows quotes alone. */
export function wordsOf(command: string): readonly string[] {
  return [...command.matchAll(/(?:[^\s'"]+|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ""),
  );
}
