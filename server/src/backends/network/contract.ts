// What every network driver must do, as Jest tests for any of them. Call `networkContract` at the top of a test file.
import { afterAll, beforeAll, describe } from "@jest/globals";
import { filterTests } from "./contract/filters.ts";
import { objectTests } from "./contract/objects.ts";
import { routingTests } from "./contract/routing.ts";
import { Trial } from "./contract/trial.ts";
import { type Hands, watchingTests } from "./contract/watching.ts";
import type { NetworkDriver } from "./driver.ts";

export { inOrder, sampleNetwork, sampleOutside } from "./contract/samples.ts";

/** What is tried. Tests that need hands which are not given are skipped. */
export interface NetworkContract extends Hands {
  /** Names the tests: "simulated", "ovn". */
  readonly name: string;
  /** A driver on an empty backend. */
  readonly open: () => Promise<NetworkDriver>;
  /** Default: closes the driver. */
  readonly close?: (driver: NetworkDriver) => Promise<void>;
}

/** Registers the tests. */
export function networkContract(contract: NetworkContract): void {
  describe(`the network driver ${contract.name}`, () => {
    const trial = new Trial(contract.open);
    beforeAll(() => trial.open());
    afterAll(async () => {
      await trial.removeEverything();
      await (contract.close ?? ((driver) => driver.close()))(trial.driver);
    });
    objectTests(trial);
    filterTests(trial);
    routingTests(trial);
    watchingTests(trial, contract);
  });
}
