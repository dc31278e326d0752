// For tests: what people read is kept in files, and a change of it is reviewed like code.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** Compares a text with its file; PHOTON_UPDATE_GOLDEN=1 writes it instead. Answers what is in the file. */
export function golden(file: string, text: string): string {
  if (process.env.PHOTON_UPDATE_GOLDEN === "1") writeFileSync(file, text);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
