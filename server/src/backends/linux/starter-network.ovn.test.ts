// Programs that are started in the network of a namespace.
import { afterAll, expect, test } from "@jest/globals";
import { ovnMissing } from "../network/ovn/private/missing.ts";
import { bareEnv } from "./command.ts";
import { networkIdentity } from "./in-network.ts";
import { addNamespace, removeNamespace } from "./namespaces.ts";
import { Starter } from "./starter.ts";

const namespace = `pst${process.pid}`;
const starter = new Starter(bareEnv(), namespace);
const itself = { words: ["readlink", "/proc/self/ns/net"], input: "", env: {} };

afterAll(async () => {
  starter.close();
  if (ovnMissing() === undefined) await removeNamespace(namespace);
});

(ovnMissing() === undefined ? test : test.skip)(
  "programs are in the namespace that has the name now, also where it was made anew",
  async () => {
    const seen: (number | undefined)[] = [];
    for (let turn = 0; turn < 2; turn++) {
      await addNamespace(namespace);
      seen.push(networkIdentity(namespace));
      const { stdout } = await starter.run(itself, AbortSignal.timeout(60_000));
      expect(stdout.trim()).toBe(`net:[${seen.at(-1)}]`);
      if (turn === 0) await removeNamespace(namespace);
    }
    expect(seen[0]).not.toBe(seen[1]);
  },
);
