// Security groups: stateful packet filters for ports, their rules keyed by names of the user's own.
import { isMessage, type Message } from "@bufbuild/protobuf";
import {
  AddRuleRequestSchema,
  RemoveRuleRequestSchema,
  type SecurityGroup,
  SecurityGroupSchema,
} from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { defineKind } from "../../kind.ts";
import { securityGroupNetwork, securityGroupReconciler } from "./kind.steps.ts";
import { checkRule } from "./rules.ts";

function addRule(group: SecurityGroup, request: Message): void {
  if (!isMessage(request, AddRuleRequestSchema)) return;
  const { name, rule } = request;
  if (rule === undefined) throw invalidField("rule", "required", "it is missing; give the rule to add");
  if (Object.hasOwn(group.rules, name)) {
    const message = `${group.id} has a rule ${JSON.stringify(name)}; choose another name, or update the group's rules`;
    throw new Fault("ALREADY_EXISTS", message, { violations: [{ path: "name", rule: "unique", message }] });
  }
  group.rules[name] = rule;
}

function removeRule(group: SecurityGroup, request: Message): void {
  if (!isMessage(request, RemoveRuleRequestSchema)) return;
  if (!Object.hasOwn(group.rules, request.name))
    throw new Fault("NOT_FOUND", `${group.id} has no rule ${JSON.stringify(request.name)}`);
  delete group.rules[request.name];
}

export const securityGroupKind = defineKind({
  schema: SecurityGroupSchema,
  async admit(_, next) {
    for (const [name, rule] of Object.entries(next.rules)) checkRule(name, rule);
  },
  methods: {
    AddRule: { update: async (group, request) => addRule(group, request) },
    RemoveRule: { update: async (group, request) => removeRule(group, request) },
  },
  reconciler: securityGroupReconciler,
  network: securityGroupNetwork,
});
