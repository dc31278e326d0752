import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatIpV4, formatIpV6, parseIpV4, parseIpV6 } from "./addresses.ts";
import { formatChecks } from "./formats.ts";
import { Format } from "./gen/photoncloud/meta/v1/meta_pb.ts";
import { Shape, WidgetSchema } from "./gen/photoncloud/test/v1/widget_pb.ts";
import { testCatalog } from "./testing/index.ts";
import { mostViolations, validate } from "./validate.ts";

const fields = testCatalog().byNoun("widget")?.fields ?? [];
type WidgetInit = MessageInitShape<typeof WidgetSchema>;
const check = (init: WidgetInit, skip: string[] = []) =>
  validate(fields, create(WidgetSchema, { name: "gear", color: "red", ...init }), new Set(skip)).map(
    (v) => `${v.path}: ${v.rule}`,
  );

describe("validate()", () => {
  const cases: [string, WidgetInit, string[]][] = [
    ["accepts what is right", { shape: Shape.ROUND, count: 0, note: "" }, []],
    ["wants what is required", { color: "" }, ["color: required"]],
    ["ignores outputs", { serial: "x", size: { width: 1, area: -1n } }, []],
    ["checks a name's format", { name: "A_" }, ["name: format"]],
    ["checks a number's range", { count: 1001 }, ["count: range"]],
    ["wants a time that JSON can write", { due: { seconds: 253402300800n } }, ["due: range"]],
    ["wants nanoseconds that are none of a second", { due: { seconds: 0n, nanos: -1 } }, ["due: range"]],
    ["wants a duration of one sign", { patience: { seconds: 1n, nanos: -1 } }, ["patience: range"]],
    ["checks a duration in seconds", { patience: { seconds: 86401n } }, ["patience: range"]],
    ["checks a string's size in characters", { color: "🎨".repeat(33) }, ["color: size"]],
    ["counts characters, not code units", { color: "🎨".repeat(32) }, []],
    ["checks a list's size", { steps: Array<string>(9).fill("x") }, ["steps: size"]],
    ["checks inside a message", { size: { width: 0 } }, ["size.width: required"]],
    ["checks inside a list", { parts: [{ name: "a" }, { name: "B" }] }, ["parts[1].name: format"]],
    ["checks inside a map", { slots: { a: { name: "a", amount: -1 } } }, ['slots["a"].amount: range']],
    ["checks a map's keys", { slots: { "A b": { name: "a" } } }, ['slots["A b"]: key']],
    [
      "checks the chosen member of a oneof",
      { finish: { case: "varnish", value: { layers: 10 } } },
      ["varnish.layers: range"],
    ],
    ["checks a number of an enum", { shape: 9 as Shape }, ["shape: enum"]],
    ["takes an optional string at its word when it is empty", { passphrase: "" }, ["passphrase: size"]],
    ["finds everything at once", { color: "", count: -1 }, ["color: required", "count: range"]],
  ];
  test.each(cases)("%s", (_, init, expected) => expect(check(init)).toEqual(expected));

  test("skips a path with everything below it", () => {
    expect(
      check({ color: "", size: { width: 0 }, parts: [{ name: "" }, { name: "" }] }, ["color", "size", "parts[0]"]),
    ).toEqual(["parts[1].name: required"]);
  });

  test("looks at nothing inside of what has too many entries", () => {
    const parts = Array.from({ length: 100_000 }, () => ({ name: "B" }));
    expect(check({ parts })).toEqual(["parts: size"]);
  });

  test("tells no more than is of use", () => {
    const slots = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, { name: "B" }]));
    expect(check({ slots })).toHaveLength(mostViolations);
  });

  const texts: [string, WidgetInit, string[]][] = [
    ["a text without a size of its own", { note: "x".repeat(4_097) }, ["note: size"]],
    ["a map's string", { labels: { a: "x".repeat(1_025) } }, ['labels["a"]: size']],
    ["none that fits", { note: "🎨".repeat(4_096), labels: { a: "x".repeat(1_024) } }, []],
  ];
  test.each(texts)("refuses what no page could hold: %s", (_, init, expected) => expect(check(init)).toEqual(expected));

  test("never shows a secret", () => {
    const messages = validate(fields, create(WidgetSchema, { name: "gear", color: "red", passphrase: "hunter2" })).map(
      (v) => v.message,
    );
    expect(messages).toHaveLength(1);
    expect(messages.join()).not.toContain("hunter2");
  });
});

describe("formats", () => {
  const cases: [Format, string, boolean][] = [
    [Format.NAME, "a", true],
    [Format.NAME, `a${"b".repeat(62)}`, true],
    [Format.NAME, `a${"b".repeat(63)}`, false],
    [Format.NAME, "a-", false],
    [Format.NAME, "1a", false],
    [Format.CIDR_V4, "10.0.0.0/16", true],
    [Format.CIDR_V4, "10.0.0.1/16", false],
    [Format.CIDR_V4, "10.0.0.0/33", false],
    [Format.CIDR_V4, "10.0.0.0/016", false],
    [Format.CIDR_V4, "010.0.0.0/16", false],
    [Format.CIDR_V4, "10.0.0.0", false],
    [Format.CIDR_V4, "0.0.0.0/0", true],
    [Format.CIDR, "fd00::/64", true],
    [Format.CIDR, "fd00::1/64", false],
    [Format.CIDR, "::/0", true],
    [Format.CIDR, "fd00:0::/64", false],
    [Format.CIDR, "FD00::/64", false],
    [Format.CIDR, "fd00::/129", false],
    [Format.CIDR, "10.0.0.0/8", true],
    [Format.CIDR_V4, "fd00::/64", false],
    [Format.IP, "::ffff:10.0.0.1", true],
    [Format.IP, "fe80::1%eth0", false],
    [Format.IP, "fd00::10", true],
    [Format.IP, "fd00::0010", false],
    [Format.IP, "fd00:0:0:0:0:0:0:10", false],
    [Format.IP, "::ffff:a00:1", false],
    [Format.IP, "10.0.1.10", true],
    [Format.IP, "10.0.1.010", false],
    [Format.IP_V4, "256.0.0.1", false],
    [Format.MAC, "fa:16:3e:00:00:01", true],
    [Format.MAC, "FA:16:3E:00:00:01", false],
    [Format.EMAIL, "alice@acme.example", true],
    [Format.EMAIL, "alice@acme", false],
    [Format.URL, "https://images.example/x", true],
    [Format.URL, "file:///etc/passwd", false],
    [Format.DIGEST, `sha256:${"0".repeat(64)}`, true],
    [Format.DIGEST, "sha256:0", false],
  ];
  test.each(cases)("format %i of %s: %s", (format, text, right) =>
    expect(formatChecks[format]?.(text) === undefined).toBe(right),
  );

  test("a CIDR with host bits is answered with the network that was meant", () => {
    expect(formatChecks[Format.CIDR_V4]?.("10.1.2.3/16")).toContain("write 10.1.0.0/16");
  });

  test.each([
    [Format.CIDR, "fd00:10::5/48", "it has host bits set; write fd00:10::/48"],
    [Format.CIDR, "FD00:0010::/48", "write fd00:10::/48"],
    [Format.IP, "FD00:0:0::10", "write fd00::10"],
  ])("format %i of %s is mended: %s", (format, text, mend) => expect(formatChecks[format]?.(text)).toContain(mend));

  test("parseIpV4() undoes formatIpV4()", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (address) => parseIpV4(formatIpV4(address)) === address),
    );
  });

  test("parseIpV6() reads every address that a generator writes, and the same again in its one form", () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const address = parseIpV6(text);
        expect(address).toBeDefined();
        expect(parseIpV6(formatIpV6(address ?? 0n))).toBe(address);
      }),
    );
  });

  // RFC 5952, sections 4 and 5.
  test.each([
    ["2001:0db8::0001", "2001:db8::1"],
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:DB8::AAAA", "2001:db8::aaaa"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["0:0:0:0:0:ffff:192.0.2.1", "::ffff:192.0.2.1"],
  ])("formatIpV6() writes %s as %s", (text, written) => expect(formatIpV6(parseIpV6(text) ?? 0n)).toBe(written));
});
