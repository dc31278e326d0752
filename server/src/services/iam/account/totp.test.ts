import { createHmac } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { toBase32 } from "./base32.ts";
import { hotp, matchingStep, stepAt, totpUri } from "./totp.ts";

const secret = Buffer.from("12345678901234567890");
const second = 1_000;

describe("hotp()", () => {
  test.each([
    [0, "755224"],
    [1, "287082"],
    [2, "359152"],
    [9, "520489"],
  ])("answers RFC 4226 appendix D: %i is %s", (counter, code) => {
    expect(hotp(secret, counter)).toBe(code);
  });

  test.each([
    [59, "94287082"],
    [1_111_111_109, "07081804"],
    [1_111_111_111, "14050471"],
    [1_234_567_890, "89005924"],
    [2_000_000_000, "69279037"],
    [20_000_000_000, "65353130"],
  ])("answers RFC 6238 appendix B: at %i seconds it is %s", (seconds, code) => {
    expect(hotp(secret, stepAt(seconds * second), 8)).toBe(code);
  });
});

describe("matchingStep()", () => {
  const now = 1_234_567_890 * second;
  const step = stepAt(now);

  test.each([-1, 0, 1])("takes the code of %i steps away, for clocks that differ (RFC 6238, section 5.2)", (away) => {
    expect(matchingStep(secret, hotp(secret, step + away), now, 0)).toBe(step + away);
  });

  test.each([-2, 2])("refuses the code of %i steps away", (away) => {
    expect(matchingStep(secret, hotp(secret, step + away), now, 0)).toBeUndefined();
  });

  test("refuses a code that was accepted, and those before it (RFC 6238, section 5.2)", () => {
    expect(matchingStep(secret, hotp(secret, step), now, step)).toBeUndefined();
    expect(matchingStep(secret, hotp(secret, step - 1), now, step)).toBeUndefined();
    expect(matchingStep(secret, hotp(secret, step + 1), now, step)).toBe(step + 1);
  });

  test.each(["", "1", "12345", "1234567", "89005924", "٣٤٥٦٧٨", "x".repeat(10_000)])("refuses %j", (code) => {
    expect(matchingStep(secret, code, now, 0)).toBeUndefined();
  });
});

test.each([
  ["", ""],
  ["f", "MY"],
  ["fo", "MZXQ"],
  ["foo", "MZXW6"],
  ["foob", "MZXW6YQ"],
  ["fooba", "MZXW6YTB"],
  ["foobar", "MZXW6YTBOI"],
])("toBase32() answers RFC 4648 section 10: %j is %s", (text, encoded) => {
  expect(toBase32(Buffer.from(text))).toBe(encoded);
});

test("totpUri() is what authenticator apps read", () => {
  expect(totpUri("MZXW6YTB", { cloud: "PhotonCloud", account: "acme/alice" })).toBe(
    "otpauth://totp/PhotonCloud%3Aacme%2Falice?secret=MZXW6YTB&issuer=PhotonCloud&digits=6&period=30",
  );
});

test("hotp() is HMAC-SHA-1 over eight bytes", () => {
  expect(createHmac("sha1", secret).update(Buffer.alloc(8)).digest("hex")).toBe(
    "cc93cf18508d94934c64b65d8ba7667fb7cde4b0",
  );
});
