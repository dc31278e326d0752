// The thread of the single writer: it takes all requests that wait, commits them together, and replies.
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { commitBatch, type Request } from "./batch.ts";
import { Connection } from "./connection.ts";

/** A commit with more requests than this would only make the first of them wait. */
const maxBatch = 512;

if (parentPort === null) throw new Error("this file is started as a worker");
serve(parentPort, new Connection(String(workerData)));

function serve(port: MessagePort, connection: Connection): void {
  port.on("message", (first: readonly Request[] | "close") => {
    let message = first;
    while (message !== "close") {
      const requests = [...message];
      const next = takeWaiting(port, requests);
      port.postMessage(commitBatch(connection, requests));
      if (next === undefined) return;
      message = next;
    }
    connection.close();
    port.close();
  });
}

/** Adds what waits to the requests, up to the limit. Answers the message that did not belong to them any more. */
function takeWaiting(port: MessagePort, requests: Request[]): readonly Request[] | "close" | undefined {
  while (requests.length < maxBatch) {
    const waiting: { message: readonly Request[] | "close" } | undefined = receiveMessageOnPort(port);
    if (waiting === undefined || waiting.message === "close") return waiting?.message;
    requests.push(...waiting.message);
  }
  return undefined;
}
