import { expect, test } from "@jest/globals";
import { isPlan } from "./command.ts";

test.each([
  ["terraform plan -input=false", true],
  ["/usr/bin/tofu -chdir=plan plan -out=p", true],
  ["terraform apply plan", false],
  ["terraform -chdir=plan refresh", false],
  ["terraform", false],
  ["", false],
])("isPlan(%s) is %s", (line, expected) => {
  expect(isPlan(line.split(" "))).toBe(expected);
});
