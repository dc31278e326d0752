// Sends requests to the single writer and hands out its replies. The writer is a thread; for a database in memory it is this thread.
import { Worker } from "node:worker_threads";
import { commitBatch, type Reply, type Request } from "./batch.ts";
import type { Connection } from "./connection.ts";

export interface Writer {
  post(requests: readonly Request[]): void;
  /** Ends the writer after all that was posted. */
  close(): Promise<void>;
}

export interface WriterEvents {
  replied(replies: readonly Reply[]): void;
  /** The writer is gone; nothing more will be replied. */
  died(error: Error): void;
}

/** The writer of a file, in a thread of its own. */
export function threadWriter(file: string, events: WriterEvents): Writer {
  const worker = new Worker(new URL("./writer.worker.ts", import.meta.url), {
    workerData: file,
    execArgv: ["--conditions=photon-source"],
  });
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  // Under `node --watch` Node sends messages of its own over the same channel: objects that name the files to watch.
  worker.on("message", (message: readonly Reply[] | object) => Array.isArray(message) && events.replied(message));
  worker.once("error", (error) => events.died(error instanceof Error ? error : new Error(String(error))));
  worker.once("exit", () => events.died(new Error("the store's writer has ended")));
  return {
    post: (requests) => worker.postMessage(requests),
    close: () => {
      worker.postMessage("close");
      return exited;
    },
  };
}

/** The writer of a database in memory: the same batches, on the connection that also reads. */
export function inlineWriter(connection: Connection, events: WriterEvents): Writer {
  return {
    post: (requests) => events.replied(commitBatch(connection, requests)),
    close: async () => undefined,
  };
}
