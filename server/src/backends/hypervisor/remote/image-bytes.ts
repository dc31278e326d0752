// The server's side of bringing images: offers what it has itself, and sends it when the agent asks.
import { createHash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EnsureImageRequestSchema, EnsureImageResponse } from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";
import { Queue } from "../../../queue.ts";
import type { ImageFacts, ImageSource } from "../driver.ts";

type Request = MessageInitShape<typeof EnsureImageRequestSchema>;

/** The bytes of an image, which the server has. */
export interface ImageBytes {
  readonly sizeBytes: number;
  read(): AsyncIterable<Uint8Array>;
}

/** What the server itself has of an image; undefined: nothing. */
export type FindImage = (source: ImageSource) => ImageBytes | undefined;

export async function bringImage(
  source: ImageSource,
  bytes: ImageBytes | undefined,
  call: (requests: AsyncIterable<Request>) => AsyncIterable<EnsureImageResponse>,
): Promise<ImageFacts | undefined> {
  const wanted = new Queue<void>();
  const requests = async function* () {
    yield { ...source, offered: bytes !== undefined };
    for await (const _ of wanted) if (bytes !== undefined) yield* partsOf(bytes);
  };
  let facts: ImageFacts | undefined;
  try {
    for await (const answer of call(requests())) {
      if (answer.wanted) wanted.push();
      if (answer.facts !== undefined) facts = factsOf(answer.facts);
    }
    return facts;
  } finally {
    wanted.end();
  }
}

async function* partsOf(bytes: ImageBytes): AsyncGenerator<Request> {
  const hash = createHash("sha256");
  yield { sizeBytes: bytes.sizeBytes };
  for await (const data of bytes.read()) {
    hash.update(data);
    yield { data: new Uint8Array(data) };
  }
  yield { sentDigest: `sha256:${hash.digest("hex")}` };
}

function factsOf({ digest, sizeBytes, virtualSizeBytes }: ImageFacts): ImageFacts {
  return { digest, sizeBytes, virtualSizeBytes };
}
