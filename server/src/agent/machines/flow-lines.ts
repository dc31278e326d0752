// The agent's side of flow logs: the server is told what the host's network wrote down, and says what it has kept; the next call goes on behind that.
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FlowLinesSchema, FlowsKept } from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";
import type { Clock } from "../../clock.ts";
import { readAclLine } from "../flows/acl-line.ts";
import { LogTail, type Position } from "../flows/log-tail.ts";

type Lines = MessageInitShape<typeof FlowLinesSchema>;

export interface FlowLinesOptions {
  /** ovn-controller's log. */
  readonly file: string;
  /** Where it is noted how far a server has kept it. */
  readonly dataDir: string;
  readonly clock: Clock;
}

export class HostFlows {
  readonly #options: FlowLinesOptions;
  #current = new AbortController();

  constructor(options: FlowLinesOptions) {
    this.#options = options;
  }

  /** Serves a server's call, and ends the one before it. */
  async *serve(kept: AsyncIterable<FlowsKept>, signal: AbortSignal): AsyncGenerator<Lines> {
    this.#current.abort();
    this.#current = new AbortController();
    const ends = AbortSignal.any([signal, this.#current.signal]);
    const { file, dataDir, clock } = this.#options;
    const tail = new LogTail({ file, positionFile: join(dataDir, "flows.json"), clock });
    const sent = new Map<number, Position | undefined>();
    const keep = async () => {
      for await (const { number } of kept) {
        if (!ends.aborted) await tail.keep(sent.get(number));
        for (const one of sent.keys()) if (one <= number) sent.delete(one);
      }
    };
    keep().catch(() => {});
    let number = 0;
    for await (const lines of tail.follow(ends)) {
      const telling = lines.filter((line) => readAclLine(line) !== undefined);
      if (telling.length === 0) continue;
      number += 1;
      sent.set(number, tail.position);
      yield { number, lines: telling };
    }
  }
}
