// The agent's side of bringing images: what the driver can't fetch by itself it is given from the call in which a server asked for the image.
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EnsureImageRequest, EnsureImageResponseSchema } from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";
import { DriverError } from "../../backends/driver-error.ts";
import type { HypervisorDriver } from "../../backends/hypervisor/driver.ts";
import { imageOf } from "../../backends/hypervisor/remote/messages.ts";
import type { CheckSize } from "../../backends/hypervisor/uploads.ts";

type Answer = MessageInitShape<typeof EnsureImageResponseSchema>;
type Requests = AsyncIterator<EnsureImageRequest>;

/** An image of which a server has the bytes, for as long as its call lasts. */
interface Offer {
  /** Asks for the bytes. */
  take(checkSize: CheckSize | undefined): Promise<Readable>;
}

export class ImageIntake {
  readonly #offers = new Map<string, Offer>();

  /** For the driver: opens an upload. */
  readonly openUpload = (url: string, _: AbortSignal, checkSize?: CheckSize): Promise<Readable> =>
    this.#take(url, checkSize);

  /** For the driver: opens a built-in image that this host has no file of. */
  readonly openBuiltIn = (imageId: string, _: AbortSignal, checkSize?: CheckSize): Promise<Readable> =>
    this.#take(imageId, checkSize);

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
    const wanted = Promise.withResolvers<"wanted">();
    const withdraw = this.#offer(source.url ?? source.imageId, first.value.offered, asked, () =>
      wanted.resolve("wanted"),
    );
    try {
      const work = driver.ensureImage(source, signal);
      if ((await Promise.race([work, wanted.promise])) === "wanted") yield { wanted: true };
      yield { facts: (await work) ?? undefined };
    } finally {
      withdraw();
    }
  }

  #offer(name: string, offered: boolean, asked: Requests, ask: () => void): () => void {
    if (!offered) return () => {};
    const offer: Offer = {
      take: async (checkSize) => {
        this.#offers.delete(name);
        ask();
        return bytesOf(name, asked, checkSize);
      },
    };
    this.#offers.set(name, offer);
    return () => {
      if (this.#offers.get(name) === offer) this.#offers.delete(name);
    };
  }

  #take(name: string, checkSize: CheckSize | undefined): Promise<Readable> {
    const offer = this.#offers.get(name);
    if (offer !== undefined) return offer.take(checkSize);
    throw new DriverError("unavailable", "neither this host nor the server has the image's bytes");
  }
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
