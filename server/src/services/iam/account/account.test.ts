import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  ChangePasswordRequestSchema,
  ConfirmFactorResponseSchema,
  ConfirmPasskeyRequestSchema,
  ConfirmTotpRequestSchema,
  EnrollPasskeyRequestSchema,
  EnrollPasskeyResponseSchema,
  EnrollTotpRequestSchema,
  EnrollTotpResponseSchema,
  ListFactorsRequestSchema,
  ListFactorsResponseSchema,
  ProveSecondFactorRequestSchema,
  ProveSecondFactorResponseSchema,
  RemoveFactorRequestSchema,
  RemoveFactorResponseSchema,
  RenewRecoveryCodesRequestSchema,
  RenewRecoveryCodesResponseSchema,
  ResetFactorsRequestSchema,
  StartSecondFactorRequestSchema,
  StartSecondFactorResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/account_pb";
import { IssueTokenResponseSchema } from "@photoncloud/proto/gen/iam/v1/token_pb";
import { App, ask, callWith, enrolApp } from "../testing/accounts.ts";
import { onEachStore } from "../testing/databases.ts";
import { alicePassword, as, callBy, faultOf, HeldClock, issuer, openWorld, type World } from "../testing/world.ts";
import { SoftwareAuthenticator } from "./testing/authenticator.ts";

const admin = "user:system/admin";
let clock: HeldClock;
let world: World;

const alice = (more: Record<string, unknown> = {}) => ({
  orgId: "acme",
  principalId: "alice",
  credential: { case: "password", value: alicePassword },
  ...more,
});

const listFactors = (token: string) =>
  ask(world, token, "ListFactors", [ListFactorsRequestSchema, ListFactorsResponseSchema]);

async function removeFactor(token: string, factorId: string) {
  return ask(world, token, "RemoveFactor", [RemoveFactorRequestSchema, RemoveFactorResponseSchema], { factorId });
}

const policy = (accountPolicy: Record<string, unknown>) =>
  world.call(admin, "org", "update", { id: "acme", org: { accountPolicy }, updateMask: { paths: ["account_policy"] } });

onEachStore((openStore) => {
  beforeEach(async () => {
    clock = new HeldClock();
    world = await openWorld({ clock, store: await openStore(clock), masterKey: new Uint8Array(32).fill(7) });
  });

  afterEach(() => world.close());

  describe("a second factor by an app", () => {
    test("is asked for at the login, and the session says when it was proved", async () => {
      const { token } = await world.loginAlice();
      const { app, recoveryCodes } = await enrolApp(world, token);
      expect(recoveryCodes).toHaveLength(10);
      expect(await faultOf(world.loginAlice())).toMatchObject({ reason: "SECOND_FACTOR_REQUIRED" });
      const session = await world.login(alice({ code: app.code() }));
      expect((await world.iam.authenticator.authenticate(session.token)).mfaAt).toBe(clock.now());
    });

    test("refuses a code a second time, and one of the past (RFC 6238, section 5.2)", async () => {
      const { app } = await enrolApp(world, (await world.loginAlice()).token);
      const code = app.code();
      await world.login(alice({ code }));
      for (const again of [code, app.code(-1), "000000", ""])
        expect((await faultOf(world.login(alice({ code: again })))).reason).toBe(
          again === "" ? "SECOND_FACTOR_REQUIRED" : "BAD_CREDENTIALS",
        );
    });

    test("takes a code once among many logins at the same time", async () => {
      const { app } = await enrolApp(world, (await world.loginAlice()).token);
      const code = app.code();
      const logins = await Promise.allSettled(Array.from({ length: 6 }, () => world.login(alice({ code }))));
      expect(logins.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    });

    test("slows the guessing of codes down although the password is right, and forgives nothing meanwhile", async () => {
      const { app } = await enrolApp(world, (await world.loginAlice()).token);
      const thief = callBy("", { sourceIp: "198.51.100.1" });
      for (let at = 0; at < 5; at += 1) {
        expect((await faultOf(world.login(alice({ code: "000000" }), thief))).reason).toBe("BAD_CREDENTIALS");
        expect((await faultOf(world.login(alice(), thief))).reason).toMatch(/SECOND_FACTOR_REQUIRED|TOO_MANY_REQUESTS/);
      }
      expect((await faultOf(world.login(alice({ code: app.code() }), thief))).reason).toBe("TOO_MANY_REQUESTS");
      expect((await world.login(alice({ code: app.code() }))).token).not.toBe("");
    });

    test("does not count before it was confirmed, nor after ten minutes", async () => {
      const { token } = await world.loginAlice();
      const begun = await ask(world, token, "EnrollTotp", [EnrollTotpRequestSchema, EnrollTotpResponseSchema]);
      expect((await world.loginAlice()).token).not.toBe("");
      expect((await listFactors(token)).factors).toEqual([]);
      const proving = ask(
        world,
        token,
        "ProveSecondFactor",
        [ProveSecondFactorRequestSchema, ProveSecondFactorResponseSchema],
        {
          code: "000000",
        },
      );
      expect(await faultOf(proving)).toMatchObject({ reason: "WRONG_STATE", message: expect.stringMatching("enroll") });
      const app = new App(begun.secret, () => clock.now());
      const confirm = (code: string) =>
        ask(world, token, "ConfirmTotp", [ConfirmTotpRequestSchema, ConfirmFactorResponseSchema], {
          factorId: begun.factorId,
          code,
        });
      expect((await faultOf(confirm("000000"))).details.violations?.[0]).toMatchObject({ path: "code", rule: "wrong" });
      clock.advance(10 * 60_000);
      expect((await faultOf(confirm(app.code()))).reason).toBe("NOT_FOUND");
    });

    test("is answered once, and kept sealed", async () => {
      const { secret, recoveryCodes } = await enrolApp(world, (await world.loginAlice()).token);
      const kept = await world.store.records.list("iam/factors");
      const events = await world.store.events("", { limit: 10_000 });
      const text = JSON.stringify([
        kept.map(({ value }) => Buffer.from(value).toString("latin1")),
        events.events.map((e) => Buffer.from(e.resource).toString("latin1")),
      ]);
      for (const canary of [secret, ...recoveryCodes, "totp"]) expect(text).not.toContain(canary);
      expect(kept).toHaveLength(1);
    });
  });

  describe("recovery codes", () => {
    test("stand in for the factor, each of them once, however they are typed", async () => {
      const { recoveryCodes } = await enrolApp(world, (await world.loginAlice()).token);
      const [one = "", two = ""] = recoveryCodes;
      expect((await world.login(alice({ code: one.toUpperCase().replaceAll("-", " ") }))).token).not.toBe("");
      expect((await faultOf(world.login(alice({ code: one })))).reason).toBe("BAD_CREDENTIALS");
      const { token } = await world.login(alice({ code: two }));
      expect((await listFactors(token)).recoveryCodesLeft).toBe(8);
    });

    test("are drawn anew after a fresh proof, and the old ones are worth nothing", async () => {
      const { app, recoveryCodes } = await enrolApp(world, (await world.loginAlice()).token);
      const { token } = await world.login(alice({ code: app.code() }));
      const fresh = await ask(world, token, "RenewRecoveryCodes", [
        RenewRecoveryCodesRequestSchema,
        RenewRecoveryCodesResponseSchema,
      ]);
      expect((await faultOf(world.login(alice({ code: recoveryCodes[0] })))).reason).toBe("BAD_CREDENTIALS");
      expect((await world.login(alice({ code: fresh.recoveryCodes[0] }))).token).not.toBe("");
    });
  });

  describe("removing a factor, and adding another", () => {
    test("need a fresh proof: a session that was stolen later can do neither", async () => {
      const { app, id } = await enrolApp(world, (await world.loginAlice()).token);
      const { token } = await world.login(alice({ code: app.code() }));
      clock.advance(10 * 60_000 + 1);
      expect((await faultOf(removeFactor(token, id))).reason).toBe("FRESH_FACTOR_REQUIRED");
      const another = ask(world, token, "EnrollTotp", [EnrollTotpRequestSchema, EnrollTotpResponseSchema]);
      expect((await faultOf(another)).reason).toBe("FRESH_FACTOR_REQUIRED");
      const prove = (code: string) =>
        ask(world, token, "ProveSecondFactor", [ProveSecondFactorRequestSchema, ProveSecondFactorResponseSchema], {
          code,
        });
      expect((await faultOf(prove("000000"))).reason).toBe("BAD_CREDENTIALS");
      await prove(app.code());
      expect((await world.iam.authenticator.authenticate(token)).mfaAt).toBe(clock.now());
      await removeFactor(token, id);
      expect((await world.loginAlice()).token).not.toBe("");
      expect((await listFactors(token)).recoveryCodesLeft).toBe(0);
    });

    test("an administrator resets the factors of one who has lost them, and its sessions end", async () => {
      const { app } = await enrolApp(world, (await world.loginAlice()).token);
      const { token } = await world.login(alice({ code: app.code() }));
      const reset = (who: string, principalId: string) =>
        world.handle("ResetFactors", ResetFactorsRequestSchema, { orgId: "acme", principalId }, callBy(who));
      await world.bind("user:acme/bob", "ProjectViewer", { orgId: "acme" });
      await world.bind("user:acme/alice", "OrgAdmin", { orgId: "acme" });
      expect((await faultOf(reset("user:acme/bob", "alice"))).reason).toBe("PERMISSION_DENIED");
      await reset(admin, "alice");
      expect((await faultOf(world.iam.authenticator.authenticate(token))).reason).toBe("UNAUTHENTICATED");
      expect((await world.loginAlice()).token).not.toBe("");
    });

    test("factors of a user are not those of a later one of the same id", async () => {
      await enrolApp(world, (await world.loginAlice()).token);
      await world.call(admin, "user", "delete", { orgId: "acme", id: "alice" });
      clock.advance(1_000);
      await world.create(admin, "user", { orgId: "acme", id: "alice", password: alicePassword });
      expect((await world.loginAlice()).token).not.toBe("");
    });
  });

  describe("passkeys", () => {
    const key = new SoftwareAuthenticator(issuer);
    const challenge = async () => {
      const request = { orgId: "acme", principalId: "alice", password: alicePassword };
      const answer = await world.handle("StartSecondFactor", StartSecondFactorRequestSchema, request);
      return as(StartSecondFactorResponseSchema, answer);
    };
    async function enrolKey(token: string, authenticator = key) {
      const begun = await ask(
        world,
        token,
        "EnrollPasskey",
        [EnrollPasskeyRequestSchema, EnrollPasskeyResponseSchema],
        {
          name: "blue key",
        },
      );
      const attestation = authenticator.attest(begun.options);
      return ask(world, token, "ConfirmPasskey", [ConfirmPasskeyRequestSchema, ConfirmFactorResponseSchema], {
        factorId: begun.factorId,
        attestation,
      });
    }

    test("are enrolled with recovery codes, and log in", async () => {
      const { factor, recoveryCodes } = await enrolKey((await world.loginAlice()).token);
      expect(factor).toMatchObject({ name: "blue key", kind: 2 });
      expect(recoveryCodes).toHaveLength(10);
      const { passkeyOptions, kinds } = await challenge();
      expect(kinds).toEqual([2, 3]);
      const { token } = await world.login(alice({ assertion: key.assert(passkeyOptions) }));
      expect((await world.iam.authenticator.authenticate(token)).mfaAt).toBe(clock.now());
    });

    test("answer a challenge once, within five minutes, and their own alone", async () => {
      await enrolKey((await world.loginAlice()).token);
      const first = (await challenge()).passkeyOptions;
      const assertion = key.assert(first);
      await world.login(alice({ assertion }));
      expect((await faultOf(world.login(alice({ assertion })))).reason).toBe("BAD_CREDENTIALS");
      const late = key.assert((await challenge()).passkeyOptions);
      clock.advance(5 * 60_000 + 1);
      expect((await faultOf(world.login(alice({ assertion: late })))).reason).toBe("BAD_CREDENTIALS");
      const made = key.assert(JSON.stringify({ challenge: "bm90IG91cnM" }));
      expect((await faultOf(world.login(alice({ assertion: made })))).reason).toBe("BAD_CREDENTIALS");
    });

    test("of another site, of another key and clones are refused", async () => {
      const phished = new SoftwareAuthenticator("https://cloud.test.evil.example");
      const { token } = await world.loginAlice();
      expect((await faultOf(enrolKey(token, phished))).details.violations?.[0]?.path).toBe("attestation");
      await enrolKey(token);
      const other = new SoftwareAuthenticator(issuer);
      const { passkeyOptions } = await challenge();
      expect((await faultOf(world.login(alice({ assertion: other.assert(passkeyOptions) })))).reason).toBe(
        "BAD_CREDENTIALS",
      );
      await world.login(alice({ assertion: key.assert((await challenge()).passkeyOptions) }));
      const clone = key.assert((await challenge()).passkeyOptions, { rewind: 1 });
      expect((await faultOf(world.login(alice({ assertion: clone })))).reason).toBe("BAD_CREDENTIALS");
    });

    test.each(["", "{", "[]", "null", '{"id":"x"}', '{"id":1,"response":{}}', "x".repeat(20_000)])(
      "say of %j that it is none",
      async (attestation) => {
        const { token } = await world.loginAlice();
        const begun = await ask(world, token, "EnrollPasskey", [
          EnrollPasskeyRequestSchema,
          EnrollPasskeyResponseSchema,
        ]);
        const confirm = ask(
          world,
          token,
          "ConfirmPasskey",
          [ConfirmPasskeyRequestSchema, ConfirmFactorResponseSchema],
          {
            factorId: begun.factorId,
            attestation,
          },
        );
        expect((await faultOf(confirm)).reason).toBe("INVALID_FIELDS");
      },
    );
  });

  describe("an org that requires a second factor", () => {
    test("lets one without it do nothing but enrol it", async () => {
      await policy({ mfaRequired: true });
      await world.bind("user:acme/alice", "OrgAdmin", { orgId: "acme" });
      const enrolling = await world.loginAlice();
      expect(enrolling).toMatchObject({ mustEnroll: true, refreshToken: "" });
      const principal = await world.iam.authenticator.authenticate(enrolling.token);
      expect(principal.limits).toHaveLength(1);
      const path = { org: "acme", project: "", type: "user", id: "" };
      const context = { sourceIp: "192.0.2.1", attributes: async () => ({}) };
      expect((await world.iam.authorizer.authorize(principal, "iam:users:list", path, context)).allowed).toBe(false);
      for (const method of ["ListFactors", "RenewRecoveryCodes"])
        expect(
          (
            await faultOf(
              world.handle(
                method,
                method === "ListFactors" ? ListFactorsRequestSchema : RenewRecoveryCodesRequestSchema,
                {},
                await callWith(world, enrolling.token),
              ),
            )
          ).reason,
        ).toBe("PERMISSION_DENIED");
      const { app } = await enrolApp(world, enrolling.token);
      const { token, mustEnroll } = await world.login(alice({ code: app.code() }));
      expect(mustEnroll).toBe(false);
      expect((await world.iam.authenticator.authenticate(token)).limits).toBeUndefined();
    });
  });

  describe("ChangePassword", () => {
    const change = (token: string, oldPassword: string, newPassword: string) =>
      ask(world, token, "ChangePassword", [ChangePasswordRequestSchema, IssueTokenResponseSchema], {
        oldPassword,
        newPassword,
      });

    test("takes the old one, ends every session, and answers a new one", async () => {
      const [mine, other] = [await world.loginAlice(), await world.loginAlice()];
      const ended = world.iam.authenticator.revoked(
        await world.iam.authenticator.authenticate(other.token),
        new AbortController().signal,
      );
      expect((await faultOf(change(mine.token, "no, it is not", "a quite new phrase"))).reason).toBe("BAD_CREDENTIALS");
      const { token } = await change(mine.token, alicePassword, "a quite new phrase");
      await ended;
      for (const old of [mine.token, other.token])
        expect((await faultOf(world.iam.authenticator.authenticate(old))).reason).toBe("UNAUTHENTICATED");
      expect((await world.iam.authenticator.authenticate(token)).id).toBe("alice");
      expect((await faultOf(world.loginAlice())).reason).toBe("BAD_CREDENTIALS");
    });

    test.each([
      ["too short a thing", "short", "size"],
      ["the user's own name", "Alice-1234567", "guessable"],
      ["a well-known one", "Password1234!", "guessable"],
      ["one of three letters", "abcabcabcabcabc", "guessable"],
    ])("refuses %s and names the field", async (_, newPassword, rule) => {
      const { token } = await world.loginAlice();
      const fault = await faultOf(change(token, alicePassword, newPassword));
      expect(fault.details.violations).toMatchObject([{ path: "new_password", rule }]);
      expect(JSON.stringify(fault.details)).not.toContain(newPassword);
    });

    test("keeps to the org's length and history", async () => {
      await policy({ minPasswordLength: 20, passwordHistory: 3 });
      let { token } = await world.loginAlice();
      const fault = await faultOf(change(token, alicePassword, "seventeen letters"));
      expect(fault.message).toContain("at least 20");
      const phrases = [alicePassword, "the first quite new phrase", "the second quite new phrase"];
      for (const [index, next] of phrases.slice(1).entries())
        ({ token } = await change(token, phrases[index] ?? "", next));
      const last = phrases.at(-1) ?? "";
      expect((await faultOf(change(token, last, phrases[1] ?? ""))).details.violations?.[0]?.rule).toBe("reused");
      ({ token } = await change(token, last, "the third quite new phrase"));
      ({ token } = await change(token, "the third quite new phrase", "the fourth quite new phrase"));
      expect((await change(token, "the fourth quite new phrase", phrases[1] ?? "")).token).not.toBe("");
    });

    test("is the only way to one's own: a session alone sets no password, whatever it may do to others", async () => {
      await world.bind("user:acme/alice", "OrgAdmin", { orgId: "acme" });
      const set = (id: string) =>
        world.call("user:acme/alice", "user", "update", {
          orgId: "acme",
          id,
          user: { password: "a quite new phrase" },
          updateMask: { paths: ["password"] },
        });
      expect((await faultOf(set("alice"))).reason).toBe("WRONG_STATE");
      await set("bob");
    });

    test("is nothing for service accounts", async () => {
      const call = callBy("service_account:acme/bot");
      const request = { oldPassword: "x", newPassword: "a quite new phrase" };
      const fault = await faultOf(world.handle("ChangePassword", ChangePasswordRequestSchema, request, call));
      expect(fault.reason).toBe("WRONG_STATE");
    });
  });

  test("the policy holds where an administrator sets a password, too", async () => {
    await policy({ minPasswordLength: 16 });
    const fault = await faultOf(
      world.create(admin, "user", { orgId: "acme", id: "carol", password: "fourteen chars" }),
    );
    expect(fault.details.violations).toMatchObject([{ path: "password", rule: "size" }]);
  });
});
