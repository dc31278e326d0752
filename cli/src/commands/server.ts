// photon server: hands everything over to the server's own command, which is loaded only now.

/** @returns the process's exit code. */
export async function runServerCommand(args: readonly string[]): Promise<number> {
  const { runServer } = await import("@photoncloud/server");
  return runServer(args);
}
