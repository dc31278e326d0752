// The agent's side of bringing images: what the driver can't fetch by itself it is given from the call in which a server asked for the image.
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EnsureImageRequest, EnsureImageResponseSchema } from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";
import { DriverError } from "../../backends/driver-error.ts";
import type { HypervisorDriver } from "../../backends/hypervisor/driver.ts";
import { imageOf } from "../../backends/hypervisor/remote/messages.ts";
import type { CheckSize, OpenBuiltIn, OpenUpload } from "../../backends/hypervisor/uploads.ts";
import { Queue } from "../../queue.ts";

type Answer = MessageInitShape<typeof EnsureImageResponseSchema>;
type Requests = AsyncIterator<EnsureImageRequest>;
type Take = (checkSize: CheckSize | undefined) => Promise<Readable>;

export class ImageIntake {
  /** The images of which a server has the bytes, by their names, for as long as its call lasts. */
  readonly #offers = new Map<string, Take>();

  /** For the driver: opens an upload. */
  readonly openUpload: OpenUpload = (url, _, checkSize) => this.#take(url, checkSize);

  /** For the driver: opens a built-in image that this host has no file of. */
  readonly openBuiltIn: OpenBuiltIn = (imageId, _, checkSize) => this.#take(imageId, checkSize);

  /** Serves a server's call. */
  async *serve(
    driver: HypervisorDriver,
    requests: AsyncIterable<EnsureImageRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<Answer> {
    const asked = requests[Symbol.asyncIterator]();
    const first = await asked.next();
    if (first.done === true) return;
    const source = imageOf(first.value);
    const name = source.url ?? source.imageId;
    const answers = new Queue<Answer>();
    const take = inTurn((checkSize) => {
      answers.push({ wanted: true });
      return bytesOf(name, asked, checkSize);
    });
    if (first.value.offered) this.#offers.set(name, take);
    try {
      const work = driver.ensureImage(source, signal).finally(() => answers.end());
      work.catch(() => {});
      yield* answers;
      yield { facts: (await work) ?? undefined };
    } finally {
      if (this.#offers.get(name) === take) this.#offers.delete(name);
    }
  }

  async #take(name: string, checkSize: CheckSize | undefined): Promise<Readable> {
    const take = this.#offers.get(name);
    if (take !== undefined) return take(checkSize);
    throw new DriverError("unavailable", "neither this host nor the server has the image's bytes");
  }
}

/** A host with two drivers takes an image twice: the second waits until the first has it all. */
function inTurn(take: Take): Take {
  let before: Promise<unknown> = Promise.resolve();
  return (checkSize) => {
    const taken = before.then(() => take(checkSize));
    before = taken.then((stream) => new Promise((closed) => stream.once("close", closed)));
    before.catch(() => {});
    return taken;
  };
}

/** @throws DriverError if there is no room for them, before they are taken. */
async function bytesOf(name: string, asked: Requests, checkSize: CheckSize | undefined): Promise<Readable> {
  const first = await asked.next();
  if (first.done === true) throw brokeOff(name);
  checkSize?.(first.value.sizeBytes);
  return Readable.from(checked(name, first.value, asked), { objectMode: false });
}

async function* checked(name: string, first: EnsureImageRequest, asked: Requests): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for (let part = first; part.sentDigest === ""; ) {
    hash.update(part.data);
    if (part.data.length > 0) yield part.data;
    const next = await asked.next();
    if (next.done === true) throw brokeOff(name);
    part = next.value;
    if (part.sentDigest !== "" && part.sentDigest !== `sha256:${hash.digest("hex")}`) throw brokeOff(name);
  }
}

function brokeOff(name: string): DriverError {
  return new DriverError("unavailable", `the bytes of image ${name} did not come whole from the server`);
}
