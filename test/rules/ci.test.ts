// What CI takes for proved: every test file is run, and no test is skipped.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { jest, root } from "../../scripts/steps.ts";
import { type Results, verdictOf } from "../../scripts/verdict.ts";
import { command } from "../../server/src/backends/linux/command.ts";

const all: Results = {
  numPassedTests: 7,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numRuntimeErrorTestSuites: 0,
  testResults: [],
};
const onOvn = (status: string) => ({ status, ancestorTitles: ["ports (not installed: ovn-northd)", "of a guest"] });
const packetsSkipped: Results = {
  ...all,
  numPendingTests: 2,
  testResults: [{ assertionResults: [onOvn("pending"), onOvn("passed"), onOvn("pending")] }],
};

describe("verdictOf()", () => {
  test.each<[string, Partial<Results>, { code?: number; ci?: boolean }, boolean]>([
    ["passes what passed", {}, {}, true],
    ["fails in CI where tests were skipped", packetsSkipped, {}, false],
    ["passes elsewhere where tests were skipped", packetsSkipped, { ci: false }, true],
    ["fails in CI where tests are yet to be written", { numTodoTests: 1 }, {}, false],
    ["fails with a failed test", { numFailedTests: 1 }, { ci: false }, false],
    ["fails with a file that could not be run", { numRuntimeErrorTestSuites: 1 }, { ci: false }, false],
    ["fails where no test ran", { numPassedTests: 0 }, { ci: false }, false],
    ["fails when Jest does", {}, { code: 1 }, false],
  ])("%s", (_, results, { code = 0, ci = true }, passed) => {
    expect(verdictOf({ ...all, ...results }, { code, ci }).passed).toBe(passed);
  });

  test("names what was skipped and why, and ends with the count", () => {
    expect(verdictOf(packetsSkipped, { code: 0, ci: true }).lines).toEqual([
      "in CI no test may be skipped:",
      "  ports (not installed: ovn-northd): 2",
      "7 passed, 0 failed, 2 skipped",
    ]);
  });
});

test("CI is one, and installs all that the packet tests need", () => {
  const script = readFileSync(join(root, ".ci/run"), "utf8");
  expect(script).toContain("export CI=true");
  expect(script.trimEnd().endsWith("npm test")).toBe(true);
  const packages = ["ovn-central", "ovn-host", "openvswitch-switch", "iproute2", "ethtool", "iputils-ping", "tcpdump"];
  for (const name of [...packages, "busybox", "bind9-dnsutils", "openssl"])
    expect(script).toMatch(new RegExp(` ${name}( |$)`, "m"));
});

/** Run by name alone (docs/guides/images.md). */
const byName = process.env.PHOTON_TEST_DEBIAN === "1" ? [] : ["test/compute/debian.test.ts"];

test("every test file is run", async () => {
  const folders = ["proto", "sdk", "provider", "server", "constructs", "cli", "test", "examples", "bench", "scripts"];
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".test.ts") && !/(^|\/)(node_modules|dist|cdktf\.out|\.photon)\//.test(file))
      .map((file) => `${folder}/${file}`),
  );
  const [program, ...words] = jest("--listTests").command;
  const listed = (await command(program, words, { timeoutMs: 60_000 })).trim().split("\n");
  const run = new Set(listed.map((file) => file.slice(root.length + 1)));
  expect(files.filter((file) => !run.has(file)).sort()).toEqual(byName);
});
