import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { ValidateTokenRequestSchema, ValidateTokenResponseSchema } from "@photoncloud/proto/gen/iam/v1/token_pb";
import { formatKeySecret, keySecretBytes } from "../credentials/key-secret.ts";
import { onEachDatabase } from "../testing/databases.ts";
import { as, callBy, faultOf, kindOf, textOf, type World } from "../testing/world.ts";

const admin = "user:system/admin";

async function makeKey(world: World): Promise<{ id: string; secret: string }> {
  const key = await world.create(admin, "service_account_key", { orgId: "acme", serviceAccountId: "bot" });
  return { id: textOf(key, "id"), secret: textOf(key, "secret") };
}

const drawn = () => formatKeySecret(crypto.getRandomValues(new Uint8Array(keySecretBytes)));

function rotate(world: World, who: string, id: string, secret: string) {
  const kind = kindOf("service_account_key");
  const [method] = kind.custom;
  if (method === undefined) throw new Error("the method is missing");
  return world.resources.custom(kind, method, create(method.desc.input, { orgId: "acme", id, secret }), callBy(who));
}

const login = (world: World, value: string) =>
  world.login({ orgId: "acme", principalId: "bot", credential: { case: "keySecret", value } });

async function isGood(world: World, token: string): Promise<boolean> {
  const answer = await world.handle("ValidateToken", ValidateTokenRequestSchema, { token });
  return as(ValidateTokenResponseSchema, answer).valid;
}

onEachDatabase(
  (world) => {
    test("a rotated key logs in with its new secret alone, and its sessions have ended", async () => {
      const [{ id, secret }, other] = [await makeKey(world()), await makeKey(world())];
      const [before, besides] = [await login(world(), secret), await login(world(), other.secret)];
      const next = drawn();
      const answer = await rotate(world(), admin, id, next);
      expect([textOf(answer, "id"), textOf(answer, "secret")]).toEqual([id, ""]);
      expect(await isGood(world(), before.token)).toBe(false);
      expect((await faultOf(login(world(), secret))).reason).toBe("BAD_CREDENTIALS");
      expect(await isGood(world(), (await login(world(), next)).token)).toBe(true);
      expect(await isGood(world(), besides.token)).toBe(true);
    });

    test("the same secret again changes nothing", async () => {
      const { id } = await makeKey(world());
      const next = drawn();
      const { token } = (await rotate(world(), admin, id, next)) && (await login(world(), next));
      await rotate(world(), admin, id, next);
      expect(await isGood(world(), token)).toBe(true);
    });

    test.each(["", "a word", "pck_short", `pck_${"=".repeat(43)}`])(
      "a secret like %j is refused, and not told",
      async (secret) => {
        const { id } = await makeKey(world());
        const fault = await faultOf(rotate(world(), admin, id, secret));
        expect([fault.reason, fault.details.violations?.map(({ path }) => path)]).toEqual([
          "INVALID_FIELDS",
          ["secret"],
        ]);
        if (secret !== "") expect(JSON.stringify([fault.message, fault.details.violations])).not.toContain(secret);
      },
    );

    test("who has less than the account does not get to be it", async () => {
      const { id, secret } = await makeKey(world());
      await world().bind("service_account:acme/bot", "OrgAdmin", { orgId: "acme" });
      expect((await faultOf(rotate(world(), "user:acme/bob", id, drawn()))).reason).toBe("PERMISSION_DENIED");
      expect(await isGood(world(), (await login(world(), secret)).token)).toBe(true);
    });
  },
  async () => {},
);
