// Reads the bodies of streamed answers, from Node's streams and the web's alike.
import { isHttpError } from "./http-port.ts";

function isIterable(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

async function* pulled(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}

/** The chunks of an answer's body. @throws Error when it is no stream. */
export function readChunks(body: unknown): AsyncIterable<Uint8Array> {
  if (isIterable(body)) return body;
  if (body instanceof ReadableStream) return pulled(body);
  throw new Error("the answer is no stream");
}

/** The JSON of a failed answer's body that axios left as a stream; undefined where there is none. */
export async function readJson(thrown: unknown): Promise<unknown> {
  if (!isHttpError(thrown) || thrown.response === undefined) return undefined;
  try {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of readChunks(thrown.response.data)) text += decoder.decode(chunk, { stream: true });
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
