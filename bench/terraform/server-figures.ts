// What a server's own metrics say it has done.

export interface Done {
  /** Calls that ended, by method. */
  readonly calls: ReadonlyMap<string, number>;
  readonly cpuSeconds: number;
}

/** What was done until now. */
export async function doneBy(url: string): Promise<Done> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const calls = new Map<string, number>();
  for (const [, method = "", count] of text.matchAll(/^photon_calls_total\{method="([^"]+)"[^}]*\} (\S+)$/gm))
    calls.set(method, (calls.get(method) ?? 0) + Number(count));
  return { calls, cpuSeconds: Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)?.[1] ?? 0) };
}

/** What was done between two looks, without the look itself. */
export function between(before: Done, after: Done): { readonly calls: number; readonly cpuSeconds: number } {
  const calls = [...after.calls].reduce((sum, [method, count]) => sum + count - (before.calls.get(method) ?? 0), 0);
  return { calls, cpuSeconds: after.cpuSeconds - before.cpuSeconds };
}
