// What was kept before there was a master key is sealed by the first start with one; and a start with another key is told so before it serves anybody.
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { systemClock } from "../../../clock.ts";
import { enrolApp } from "../testing/accounts.ts";
import { onEachStore } from "../testing/databases.ts";
import { alicePassword, openWorld, type World } from "../testing/world.ts";
import { keptOnce } from "./sealed-record.ts";
import { createSealing } from "./sealing.ts";

const admin = "user:system/admin";
const [key, other] = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(8)];
const clientSecret = "canary-of-a-client-secret";

onEachStore((openStore) => {
  let world: World;
  let secrets: readonly string[];
  let code: () => string;

  /** All that the store keeps of what is sealed, as whoever reads the database sees it. */
  async function kept(): Promise<string> {
    const { store } = world;
    const spaces = ["iam/signing-keys", "iam/factors", "iam/oauth", "test/authority"];
    const records = (await Promise.all(spaces.map((space) => store.records.list(space)))).flat();
    const kind = "iam.v1.IdentityProvider";
    const row = await store.get({ tenant: { org: "acme", project: "" }, kind, id: "corp" });
    return [...records.map(({ value }) => value), row?.secret ?? new Uint8Array()]
      .map((value) => Buffer.from(value).toString("latin1"))
      .join("\n");
  }

  /** The next start on the same store. */
  const restart = (masterKey?: Uint8Array) => openWorld({ store: world.store, masterKey, start: false, again: true });

  const authority = (masterKey?: Uint8Array) =>
    keptOnce(
      { records: world.store.records, sealing: createSealing(masterKey), space: "test/authority", key: "one" },
      async () => "canary-of-an-authority",
    );

  beforeEach(async () => {
    const clock = { ...systemClock, sleep: systemClock.sleep };
    world = await openWorld({ clock, store: await openStore(clock) });
    const provider = { orgId: "acme", id: "corp", issuer: "https://login.acme.example", clientId: "cloud" };
    await world.create(admin, "identity_provider", { ...provider, clientSecret });
    const { secret, app } = await enrolApp(world, (await world.loginAlice()).token);
    code = () => app.code(1);
    await authority();
    secrets = ['"d":', "totp", clientSecret, "canary-of-an-authority"];
    expect(secret).not.toBe("");
  });
  afterEach(() => world.close());

  test("lies readable without a key, and sealed after the first start with one; what it is for goes on", async () => {
    for (const secret of secrets) expect(await kept()).toContain(secret);
    const { token } = await world.login({
      orgId: "acme",
      principalId: "alice",
      credential: { case: "password", value: alicePassword },
      code: code(),
    });
    const next = await restart(key);
    expect(await authority(key)).toBe("canary-of-an-authority");
    for (const secret of secrets) expect(await kept()).not.toContain(secret);
    expect(await next.iam.authenticator.authenticate(token)).toMatchObject({ org: "acme", id: "alice" });
    await next.iam.stop();
  });

  test("is done once, and needs the same key ever after", async () => {
    await (await restart(key)).iam.stop();
    const before = await kept();
    await (await restart(key)).iam.stop();
    expect(await kept()).toBe(before);
    await expect(restart(other)).rejects.toThrow("is the master key the one that it was encrypted with?");
    await expect(restart()).rejects.toThrow("set the master key");
  });

  test("of a store that was sealed before such starts were noted, another key is told so, too", async () => {
    await (await restart(key)).iam.stop();
    await world.store.records.delete("iam/master-key", "proof");
    await expect(restart(other)).rejects.toThrow("can't be decrypted");
    await (await restart(key)).iam.stop();
  });
});
