// What of images lies on the server's own machine, for hosts that can't get it by themselves: uploads, and the files of built-in images.
import { createReadStream, existsSync, statSync } from "node:fs";
import { builtInFiles } from "./backends/hypervisor/built-in.ts";
import type { FindImage } from "./backends/hypervisor/remote/image-bytes.ts";
import { isUpload } from "./backends/hypervisor/uploads.ts";
import { uploadFile } from "./services/plasmavmc/image/upload-files.ts";

/** How much is read and sent at a time, in bytes. */
const pieceBytes = 256 * 1024;

export interface BytesHereOptions {
  readonly uploads: string;
  /** The folder of the built-in images' files. */
  readonly builtIn: string;
}

export function bytesHere({ uploads, builtIn }: BytesHereOptions): FindImage {
  return ({ imageId, url }) => {
    if (url !== undefined) return isUpload(url) ? bytesOf(uploadFile(uploads, url)) : undefined;
    const file = builtInFiles(builtIn, [imageId]).get(imageId);
    return file === undefined ? undefined : bytesOf(file);
  };
}

function bytesOf(file: string): ReturnType<FindImage> {
  if (!existsSync(file)) return undefined;
  return { sizeBytes: statSync(file).size, read: () => createReadStream(file, { highWaterMark: pieceBytes }) };
}
