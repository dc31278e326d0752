// photon agent: hands everything over to the agent's own command, which is loaded only now.

/** @returns the process's exit code. */
export async function runAgentCommand(args: readonly string[]): Promise<number> {
  const { runAgent } = await import("@photoncloud/server");
  return runAgent(args);
}
