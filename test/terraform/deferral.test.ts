// A provider whose configuration is not known yet: whoever can wait is told to, and anybody else what is missing.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { unknown } from "../../provider/src/cty/value.ts";
import type { MethodName } from "../../provider/src/plugin/provider-methods.ts";
import { providerAttributes } from "../../provider/src/provider-config.ts";
import { BlockCodec } from "../../provider/src/wire.ts";
import { json, PlayedTerraform, sentences } from "./played.ts";
import { type Reattached, reattach } from "./reattached.ts";

let provider: Reattached;
let terraform: PlayedTerraform;

beforeAll(async () => {
  provider = await reattach({ url: "", token: "", orgId: "acme", projectId: "web" });
  terraform = new PlayedTerraform(provider);
  const values = providerAttributes.map(
    ({ name }) => [name, ["endpoint", "token"].includes(name) ? unknown : null] as const,
  );
  const config = new BlockCodec(providerAttributes).encode(new Map(values));
  await terraform.configureWith(config, { deferralAllowed: true });
});

afterAll(() => {
  terraform.close();
  provider.close();
});

const typeName = "photoncloud_vpc";
const state = json({ id: "vpc-1", name: "net", cidr: "10.0.0.0/16", org_id: "acme", project_id: "web" });
const config = json({ name: "net", cidr: "10.0.0.0/16" });

const calls: readonly (readonly [MethodName, object])[] = [
  ["planResourceChange", { typeName, config, proposedNewState: config }],
  ["readResource", { typeName, currentState: state }],
  ["importResourceState", { typeName, id: "vpc-1" }],
  ["readDataSource", { typeName, config: json({ name: "net" }) }],
  ["readDataSource", { typeName: "photoncloud_vpcs", config: json({ name: "net" }) }],
  ["openEphemeralResource", { typeName: "photoncloud_access_token", config: json({}) }],
  ["planAction", { actionType: "photoncloud_vm_start", config: json({ id: "vm-1" }) }],
];

test.each(calls)("%s waits where it may", async (name, request) => {
  const answer = await terraform.call(name, { ...request, clientCapabilities: { deferralAllowed: true } });
  expect(answer).toMatchObject({ deferred: { reason: 2 }, diagnostics: [] });
});

const asking = calls.filter(([name]) => /^(read|open)/.test(name));
test.each(asking)("%s says what is missing to a Terraform that can't wait", async (name, request) => {
  const answer: object = await terraform.call(name, { ...request, clientCapabilities: { deferralAllowed: false } });
  const told: unknown = Reflect.get(answer, "diagnostics");
  expect(Reflect.get(answer, "deferred")).toBeUndefined();
  expect(Array.isArray(told) ? sentences(told).join() : "").toMatch(/not known yet|endpoint/);
});
