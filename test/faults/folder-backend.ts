// A backend that processes share, as naive as backends come: it looks, then makes, without a transaction. Made by two at the same time, a
// thing would be there twice. It also notes who works on what, so that two at a time are caught.
import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class FolderBackend {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    for (const part of ["things", "working"]) mkdirSync(join(folder, part), { recursive: true });
  }

  /** The names of the things that are there; one that was made twice stands here twice. */
  things(): readonly string[] {
    return readdirSync(join(this.#folder, "things")).map((file) => file.slice(0, file.lastIndexOf("~")));
  }

  make(name: string): void {
    if (this.things().includes(name)) return;
    writeFileSync(join(this.#folder, "things", `${name}~${randomUUID()}`), String(process.pid));
    this.#note("made", `${process.pid} ${name}`);
  }

  unmake(name: string): void {
    for (const file of readdirSync(join(this.#folder, "things")))
      if (file.startsWith(`${name}~`)) rmSync(join(this.#folder, "things", file), { force: true });
  }

  /** Works on a resource, and notes it if another living process does at the same time. */
  async alone(id: string, work: () => Promise<void>): Promise<void> {
    const mark = join(this.#folder, "working", id);
    const other = this.#claim(mark);
    if (other !== undefined) this.#note("violations", `${id} by ${process.pid} and ${other}`);
    try {
      await work();
    } finally {
      rmSync(mark, { force: true });
    }
  }

  /** The lines of "made" (pid and name) or "violations". */
  notes(file: "made" | "violations"): readonly string[] {
    try {
      return readFileSync(join(this.#folder, file), "utf8").trimEnd().split("\n");
    } catch {
      return [];
    }
  }

  #note(file: "made" | "violations", line: string): void {
    appendFileSync(join(this.#folder, file), `${line}\n`);
  }

  /** Answers who else works there; the mark of a process that was killed counts for nothing. */
  #claim(mark: string): number | undefined {
    try {
      writeFileSync(mark, String(process.pid), { flag: "wx" });
      return undefined;
    } catch {
      const other = Number(readFileSync(mark, "utf8"));
      writeFileSync(mark, String(process.pid));
      return isAlive(other) ? other : undefined;
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}
