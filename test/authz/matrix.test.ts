// The authorization matrix, as the server answers it on both databases: matrix.golden.txt is read like code, and PHOTON_UPDATE_GOLDEN=1 writes it.
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { startTestCloud } from "@photoncloud/server/testing";
import { golden } from "../../cli/src/testing/golden.ts";
import { onEachDatabase } from "../databases.ts";
import { matrix } from "./matrix.ts";

const file = join(import.meta.dirname, "matrix.golden.txt");
/** Some thousand calls, each a refusal that is written down. */
const timeoutMs = 400_000;

onEachDatabase((database) => {
  test(
    "who may call which method is as in matrix.golden.txt",
    async () => {
      const cloud = await startTestCloud({ ...database(), argv: ["--calls-per-second", "0"] });
      try {
        const text = await matrix(cloud.url, await cloud.adminToken());
        expect(text).toBe(golden(file, text));
      } finally {
        await cloud.stop();
      }
    },
    timeoutMs,
  );
});
