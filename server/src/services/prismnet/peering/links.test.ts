import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { freeLink, otherEnd } from "./links.ts";

describe("freeLink()", () => {
  test.each([
    [[], "169.254.0.1/30"],
    [["169.254.0.2/30"], "169.254.0.5/30"],
    [["169.254.0.1/30", "169.254.0.9/30", ""], "169.254.0.5/30"],
  ])("beside %j is that of %s", (taken, expected) => expect(freeLink(taken)?.one).toBe(expected));

  test("gives the last one too, never the metadata service's, and then none", () => {
    const all = Array.from({ length: 2 ** 14 }, (_, i) => `169.254.${i >> 6}.${(i % 64) * 4 + 1}/30`);
    const but = (left: string) => all.filter((one) => one !== left);
    expect(freeLink(but("169.254.255.253/30"))?.one).toBe("169.254.255.253/30");
    expect(freeLink(but("169.254.169.253/30"))).toBeUndefined();
    expect(freeLink(all)).toBeUndefined();
  });
});

test("otherEnd() of the other end is the end itself", () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 14 - 1 }), fc.boolean(), (index, isFirst) => {
      const end = `169.254.${index >> 6}.${(index % 64) * 4 + (isFirst ? 1 : 2)}`;
      expect(otherEnd(`${otherEnd(`${end}/30`)}/30`)).toBe(end);
      expect(otherEnd(`${end}/30`)).not.toBe(end);
    }),
  );
});
