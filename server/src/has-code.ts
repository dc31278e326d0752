/** Whether an error of the system's has a code, as "ENOENT". Errors may come from another realm: they are asked for no class. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === code;
}
