import { expect, test } from "@jest/globals";
import { isTargeted, parentCommandLine } from "./targeted.ts";

test.each<[boolean, readonly string[], Readonly<Record<string, string>>]>([
  [false, ["terraform", "apply", "-auto-approve"], {}],
  [true, ["terraform", "apply", "-target=photoncloud_vpc.main"], {}],
  [true, ["terraform", "plan", "--target", "photoncloud_vpc.main"], {}],
  [true, ["tofu", "apply", "-exclude=photoncloud_vpc.main"], {}],
  [true, ["tofu", "apply", "-target-file=some"], {}],
  [false, ["terraform", "apply", "-var=x=-target"], {}],
  [true, ["terraform", "apply"], { TF_CLI_ARGS_apply: "-no-color -target=photoncloud_vpc.main" }],
  [true, ["terraform", "apply"], { TF_CLI_ARGS: "-target=photoncloud_vpc.main" }],
  [false, ["terraform", "apply", "no-such-plan"], {}],
  [false, ["terraform", "apply", "package.json"], {}],
  [false, ["terraform", "apply"], { OTHER_ARGS: "-target=photoncloud_vpc.main" }],
])("isTargeted() answers %s for %j with %j", async (expected, commandLine, env) => {
  expect(await isTargeted(env, commandLine)).toBe(expected);
});

test("parentCommandLine() reads what the parent was started with", async () => {
  expect((await parentCommandLine()).join(" ")).toContain("node");
});
