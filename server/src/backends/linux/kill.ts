import { hasCode } from "../../has-code.ts";

/** Ends a process at once. One that has ended by itself since it was looked for is no error. @throws Error if it may not be ended */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}
