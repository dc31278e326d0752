// `photon vm console` in a test's hands: what is piped in, and what it shows.
import { PassThrough, Writable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import type { TestTenant } from "@photoncloud/server/testing";
import { runPhoton } from "../../cli/src/testing/run.ts";

export function environmentOf(url: string, { orgId, projectId, token }: TestTenant): Readonly<Record<string, string>> {
  return { PHOTON_ENDPOINT: url, PHOTON_TOKEN: token, PHOTON_ORG: orgId, PHOTON_PROJECT: projectId };
}

export class ConsoleCommand {
  /** The exit code and what it said beside the console. */
  readonly ended: ReturnType<typeof runPhoton>;
  /** Whether the terminal was made raw, time after time. */
  readonly raw: boolean[] = [];
  readonly #input = new PassThrough();
  #shown = "";
  /** What it said when it ended. */
  #end: string | undefined;

  constructor(vm: string, env: Readonly<Record<string, string>>, isTty: boolean) {
    const output = new Writable({
      write: (bytes: Buffer, _, done) => {
        this.#shown += bytes.toString();
        done();
      },
    });
    const terminal = { input: this.#input, output, isTty, raw: (on: boolean) => void this.raw.push(on) };
    this.ended = runPhoton(["vm", "console", vm], { env, terminal, now: Date.now() });
    void this.ended.then(({ code, err }) => {
      this.#end = `ended with ${code}: ${err}`;
    });
  }

  type(text: string): void {
    this.#input.write(text);
  }

  /** No more is typed. */
  end(): void {
    this.#input.end();
  }

  /** Resolves when it shows so; until then it types `again` every second, for a guest that is not listening yet. */
  async shows(words: RegExp, patienceMs: number, again = ""): Promise<string> {
    for (const deadline = Date.now() + patienceMs; ; await wait(1_000)) {
      if (words.test(this.#shown)) return this.#shown;
      if (this.#end !== undefined || Date.now() > deadline)
        throw new Error(`the console shows ${JSON.stringify(this.#shown)}, not ${words}; ${this.#end ?? "it is open"}`);
      if (again !== "") this.type(again);
    }
  }
}
