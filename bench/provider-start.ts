// How long the provider takes from its start to the handshake line, against a bare Node that prints a line.
import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { buildProvider } from "../provider/scripts/build.ts";
import { newIdentity } from "../provider/src/plugin/certificate.ts";
import type { Figure } from "./main.ts";
import { median } from "./numbers/median.ts";

/** Enough that the median of a shared machine settles. */
const runs = 21;

/** Milliseconds from the start of a program to its first line. */
function firstLine(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const started = performance.now();
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${command} ended with ${code} and said nothing`)));
    child.stdout.once("data", () => {
      const ms = performance.now() - started;
      child.removeAllListeners("exit").once("exit", () => resolve(ms));
      child.kill("SIGKILL");
    });
  });
}

/** Start to handshake, with mutual TLS as Terraform has it; alternating with the floor, so that both see the same machine. */
export async function bench(): Promise<readonly Figure[]> {
  const provider = await buildProvider();
  const env = {
    ...process.env,
    // The Node that runs this, for both: the script takes the first of PATH.
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    TF_PLUGIN_MAGIC_COOKIE: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
    PLUGIN_PROTOCOL_VERSIONS: "5,6",
    PLUGIN_CLIENT_CERT: newIdentity().certificate,
  };
  const [starts, floors]: [number[], number[]] = [[], []];
  for (let run = 0; run < runs; run++) {
    starts.push(await firstLine(provider, [], env));
    floors.push(await firstLine("node", ["-e", "console.log(1)"], env));
  }
  const [value, floor] = [median(starts), median(floors)];
  return [{ name: "provider start to handshake", value, floor, ratio: value / floor, unit: "ms" }];
}

if (import.meta.main) console.table(await bench());
