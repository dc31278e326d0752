import { beforeEach, describe, expect, test } from "@jest/globals";
import { testCatalog } from "@photoncloud/proto/testing";
import { KindCalls } from "./cloud.ts";
import { Deadline } from "./deadline.ts";
import { RequestError } from "./http.ts";
import { reading } from "./operation.ts";
import { Presence } from "./presence.ts";
import { SdkCloud } from "./sdk-cloud.ts";

const failure = (code: string) => new RequestError(`connect ${code}`, { code, response: undefined });
const refused = failure("ECONNREFUSED");

let now: number;
let presence: Presence;

beforeEach(() => {
  now = 5;
  presence = new Presence(() => now);
});

function missedAt(ms: number, error = refused): void {
  now = ms;
  presence.missed(error);
}

describe("absentFor()", () => {
  test("aborts with the error of the attempt that finds that nobody has been there for so long", () => {
    const [brief, patient] = [presence.absentFor(1_000), presence.absentFor(10_000)];
    missedAt(100);
    missedAt(1_099);
    expect([brief.aborted, patient.aborted]).toEqual([false, false]);
    missedAt(1_100);
    expect([brief.aborted, brief.reason, patient.aborted]).toEqual([true, refused, false]);
  });

  test("aborts at the first attempt for who comes later", () => {
    missedAt(100);
    const later = presence.absentFor(1_000);
    missedAt(2_000);
    expect(later.aborted).toBe(true);
  });

  test("counts anew once somebody has answered, and takes no broken connection for an absence", () => {
    const brief = presence.absentFor(1_000);
    missedAt(100);
    presence.met();
    missedAt(2_000, failure("ECONNRESET"));
    missedAt(3_000);
    expect(brief.aborted).toBe(false);
  });
});

describe("a call where nobody listens", () => {
  const kind = testCatalog().byNoun("widget");
  if (kind === undefined) throw new Error("the test kind is missing");
  const widget = kind;
  const at = { org: "acme", project: "web", id: "w-1" };
  const get = (credentials: ConstructorParameters<typeof SdkCloud>[0]["credentials"], absentMs: number) => {
    // Port 1 is nobody's: ports below 1024 are not given by chance.
    const cloud = new SdkCloud({
      endpoint: "http://127.0.0.1:1",
      credentials,
      org: "acme",
      ca: undefined,
      userAgent: "",
    });
    return new KindCalls(cloud, widget).get(
      at,
      reading(new Deadline(3_600_000, new AbortController().signal), absentMs),
    );
  };

  test.each([
    ["with a token", { token: "t" }],
    ["with a login before it", { principalId: "deployer", keySecret: "pck_secret" }],
  ])("ends when it need not wait, and says where: %s", async (_, credentials) => {
    const message = expect.stringContaining("can't reach http://127.0.0.1:1 (ECONNREFUSED)");
    await expect(get(credentials, 0)).rejects.toMatchObject({ name: "PhotonError", code: "unavailable", message });
  });
});
