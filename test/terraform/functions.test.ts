// The provider's functions with the real Terraform: the blocks that they name are those that the cloud draws, and errors point at the argument.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { as, Stage } from "./stage.ts";
import type { Workspace } from "./workspace.ts";

let stage: Stage;
let workspace: Workspace;

beforeAll(async () => {
  stage = await Stage.set(as("acme", "main"));
  workspace = await stage.open();
});

afterAll(() => stage.close());

const subnet = (name: string, more: string) => `
resource "photoncloud_subnet" "${name}" {
  name   = "${name}"
  vpc_id = photoncloud_vpc.main.id
  ${more}
}
`;

test("the next blocks are those that the cloud draws", async () => {
  workspace.write(`
resource "photoncloud_vpc" "main" {
  name = "main"
  cidr = "10.0.0.0/16"
}
${subnet("small", "cidr = provider::photoncloud::cidr_at(photoncloud_vpc.main.cidr, 28, 0)")}
${subnet("first", "depends_on = [photoncloud_subnet.small]")}
${subnet("second", "depends_on = [photoncloud_subnet.first]")}
output "carved" {
  value = provider::photoncloud::cidr_carve(photoncloud_vpc.main.cidr, 28, 24, 24)
}
output "next" {
  value = provider::photoncloud::cidr_next(photoncloud_vpc.main.cidr, 24, [photoncloud_subnet.small.cidr])
}
output "path" {
  value = provider::photoncloud::parse_resource_path("org/acme/project/main/vpc/\${photoncloud_vpc.main.id}").type
}
`);
  await workspace.apply();
  const state = await workspace.state();
  const drawn = ["small", "first", "second"].map((name) => state[`photoncloud_subnet.${name}`]?.cidr);
  const output = async (name: string): Promise<unknown> =>
    JSON.parse(await workspace.must("output", "-json", name)) as unknown;
  expect(await output("carved")).toEqual(drawn);
  expect([await output("next"), await output("path")]).toEqual([drawn[1], "vpc"]);
  await workspace.destroy();
});

test.each([
  ['provider::photoncloud::cidr_at("10.0.0.0/16", 8, 0)', "prefix_length", "from 16 to 32"],
  ['provider::photoncloud::cidr_carve("10.0.0.0/24", 25, 25, 25)', "prefix_lengths", "no free block of a /25"],
  ['provider::photoncloud::resource_path("acme", "main", "vmm", "")', "type", "the types are"],
])("%s is refused at %s", async (call, argument, text) => {
  workspace.write(`output "x" {\n  value = ${call}\n}\n`);
  const [problem, ...more] = await workspace.diagnostics("plan", "-input=false");
  expect(more).toEqual([]);
  expect(problem?.detail).toContain(`Invalid value for "${argument}" parameter`);
  expect(problem?.detail.replace(/\s+/g, " ")).toContain(text);
});
