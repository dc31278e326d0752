// What every network driver must do: tell what is not as it should be, and what changes by itself.
import { expect, test } from "@jest/globals";
import type { NetworkChange, NetworkDriver, NetworkObjectId } from "../driver.ts";
import { inOrder, owner, sampleNetwork } from "./samples.ts";
import type { Trial } from "./trial.ts";

/** Hands on the backend behind the driver's back. */
export interface Hands {
  /** Plugs a device into a port, or pulls it. */
  plug?(driver: NetworkDriver, portId: string, up: boolean): Promise<void>;
  /** Takes an object away, or spoils it, as someone else would. */
  spoil?(driver: NetworkDriver, object: NetworkObjectId): Promise<void>;
}

export function watchingTests(trial: Trial, hands: Hands): void {
  test("finds what is changed, missing and too much, and nothing else", async () => {
    const sample = sampleNetwork("audit");
    const [first, second] = sample.ports;
    await trial.ensureAll(inOrder(sample));
    const others = trial.everything().filter(({ id }) => id !== first.id && id !== second.id);
    const compared = async (objects: typeof others) => {
      const { drifted, strays } = await trial.driver.audit(objects, trial.signal);
      const mine = (all: readonly NetworkObjectId[]) => all.map(({ id }) => id).filter((id) => id.includes("-audit"));
      return { drifted: mine(drifted), strays: mine(strays) };
    };
    expect(await compared([...others, first, second])).toEqual({ drifted: [], strays: [] });
    expect(await compared([...others, first])).toEqual({ drifted: [], strays: [second.id] });
    const changed = { ...second, forwarding: true };
    expect(await compared([...others, first, changed])).toEqual({ drifted: [second.id], strays: [] });
    const more = { type: "filter", id: "sg-audit-more", owner, rules: [] } as const;
    expect(await compared([...others, first, second, more])).toEqual({ drifted: [more.id], strays: [] });
  });

  const { plug, spoil } = hands;
  const ifPlugs = plug === undefined ? test.skip : test;
  ifPlugs("tells when a port comes up and goes down", async () => {
    await trial.ensureAll(inOrder(sampleNetwork("plug")));
    const status = { type: "port", id: "port-plug-1", owner, what: "status" } as const;
    for (const up of [true, false]) {
      await seen(trial, status, () => plug?.(trial.driver, status.id, up));
      expect(await trial.driver.portStatus(status.id, trial.signal)).toEqual({ up });
    }
  });

  const ifSpoils = spoil === undefined ? test.skip : test;
  ifSpoils("tells when someone else changes an object, which can then be ensured again", async () => {
    const sample = sampleNetwork("spoilt");
    await trial.ensureAll(inOrder(sample));
    const drift = { type: "filter", id: sample.filter.id, owner, what: "drift" } as const;
    await seen(trial, drift, () => spoil?.(trial.driver, sample.filter));
    await trial.ensureAll(inOrder(sample));
    const { drifted } = await trial.driver.audit(trial.everything(), trial.signal);
    expect(drifted.filter(({ id }) => id === drift.id)).toEqual([]);
  });
}

/** Does something, and waits until the driver has told of a change. */
async function seen(trial: Trial, wanted: NetworkChange, act: () => Promise<void> | undefined): Promise<void> {
  const told = Promise.withResolvers<void>();
  const stop = trial.driver.onChange((change) => {
    if (JSON.stringify(sorted(change)) === JSON.stringify(sorted(wanted))) told.resolve();
  });
  await act();
  await told.promise;
  stop();
}

const sorted = ({ type, id, owner: of, what }: NetworkChange) => ({ type, id, of, what });
