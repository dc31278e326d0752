// Machines with the real Terraform: what protects them, what changes in place, and what they are sized by.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { Workspace } from "./workspace.ts";

let cloud: TestCloud;
let workspace: Workspace;

beforeAll(async () => {
  cloud = await startTestCloud();
  const tenant = await cloud.tenant("acme", "main");
  workspace = await Workspace.open({ ...tenant, url: cloud.url }, "");
});

afterAll(async () => {
  workspace.close();
  await cloud.stop();
});

const address = "photoncloud_vm.web";
const vm = (own: string, spec: string) => `
resource "photoncloud_vm" "web" {
  name = "web"
  ${own}
  spec = {
    ${spec}
  }
}
`;
const own = "deletion_protection = true";

test("a protected machine is neither replaced nor destroyed, and the error names the attribute", async () => {
  workspace.write(vm(own, 'flavor_id = "small"\n    image_id = "debian-12"'));
  await workspace.apply();
  const { id } = (await workspace.state())[address] ?? {};
  workspace.write(vm(own, 'flavor_id = "small"\n    image_id = "ubuntu-24-04"'));
  for (const command of [["plan"], ["plan", "-destroy"], ["apply", "-auto-approve"], ["destroy", "-auto-approve"]]) {
    const { code, stdout, stderr } = await workspace.run(...command, "-input=false", "-no-color");
    expect(code).toBe(1);
    expect(`${stdout}${stderr}`).toMatch(/deletion_protection[\s\S]*set it to\s+false/);
  }
  expect((await workspace.state())[address]?.id).toBe(id);
});

test("user data, keys, flavor, restart policy and power change in place", async () => {
  const spec = 'flavor_id = "small"\n    image_id = "debian-12"';
  workspace.write(vm(own, spec));
  await workspace.apply();
  const before = (await workspace.state())[address]?.id;
  for (const [mine, change] of [
    [own, `${spec}\n    user_data = "#cloud-config"`],
    [own, `${spec}\n    ssh_keys = ["ssh-ed25519 AAAA me"]\n    restart_policy = "never"`],
    [own, spec.replace("small", "medium")],
    [own, `cpu = 3\n    memory = 256\n    image_id = "debian-12"`],
    [`${own}\n  power_state = "stopped"`, spec],
  ] as const) {
    workspace.write(vm(mine, change));
    expect(await workspace.plan()).toEqual({ [address]: "update" });
    await workspace.apply();
    expect(await workspace.plan()).toEqual({});
    expect((await workspace.state())[address]?.id).toBe(before);
  }
  await workspace.apply("-refresh-only");
  expect((await workspace.state())[address]).toMatchObject({ power_state: "stopped", spec: { cpu: 1, memory: 1024 } });
  workspace.write(vm("deletion_protection = false", spec));
  await workspace.apply();
  await workspace.destroy();
});
