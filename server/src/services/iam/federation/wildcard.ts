// Texts that may end with a * for whatever follows: subjects and claims' values.

/** Whether a text is the pattern's, or begins with what is before its final *. A * stands for one character at the least. */
export function fits(pattern: string, text: string): boolean {
  if (!pattern.endsWith("*")) return pattern === text;
  const start = pattern.slice(0, -1);
  return text.length > start.length && text.startsWith(start);
}

/** What is wrong with a pattern of a subject; undefined: nothing. The * stands for whole segments: "repo:acme/we*" would also be "repo:acme/web-of-evil". */
export function subjectProblem(pattern: string): string | undefined {
  const star = pattern.indexOf("*");
  if (star === -1) return undefined;
  if (star !== pattern.length - 1) return "a * may stand at the end alone";
  return /[^:/][:/]\*$/.test(pattern) ? undefined : "before the * there must be a whole segment, and : or /";
}

/** What is wrong with a pattern of a claim's value. */
export function valueProblem(pattern: string): string | undefined {
  const star = pattern.indexOf("*");
  return star === -1 || star === pattern.length - 1 ? undefined : "a * may stand at the end alone";
}
