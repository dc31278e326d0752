// Which scope a request's permission is asked at.
import { create, type Message } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { catalog, type Kind, type StandardVerb } from "@photoncloud/proto";
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { ProjectSchema } from "@photoncloud/proto/gen/iam/v1/project_pb";
import { GetRequestSchema, ListRequestSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { PlanVpcRequestSchema, VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { formatPath } from "../services/call.ts";
import { kindPath, servicePath } from "./scope.ts";

function kindOf(noun: string): Kind {
  const kind = catalog().byNoun(noun);
  if (kind === undefined) throw new Error(noun);
  return kind;
}

const one = (org: string, project: string, id: string) =>
  create(GetRequestSchema, { orgId: org, projectId: project, id });
const page = (org: string, project: string) => create(ListRequestSchema, { orgId: org, projectId: project });

const cases: readonly [string, StandardVerb | undefined, Message, string][] = [
  ["vpc", "get", one("acme", "alpha", "vpc-1"), "org/acme/project/alpha/vpc/vpc-1"],
  ["vpc", undefined, one("acme", "alpha", "vpc-1"), "org/acme/project/alpha/vpc/vpc-1"],
  ["vpc", "list", page("acme", "alpha"), "org/acme/project/alpha/vpc"],
  ["vpc", "create", create(VpcSchema, { orgId: "acme", projectId: "alpha", id: "x" }), "org/acme/project/alpha/vpc"],
  ["vpc", "plan", create(PlanVpcRequestSchema, { orgId: "acme", projectId: "alpha" }), "org/acme/project/alpha/vpc"],
  [
    "vpc",
    "plan",
    create(PlanVpcRequestSchema, { orgId: "acme", projectId: "alpha", id: "v" }),
    "org/acme/project/alpha/vpc/v",
  ],
  ["vpc", "get", one("", "", "vpc-1"), "vpc/vpc-1"],
  ["org", "create", create(OrgSchema, { id: "acme" }), "org"],
  ["org", "get", one("ignored", "", "acme"), "org/acme"],
  ["org", "list", page("", ""), "org"],
  ["project", "create", create(ProjectSchema, { orgId: "acme", id: "alpha" }), "org/acme/project"],
  ["project", "delete", one("acme", "", "alpha"), "org/acme/project/alpha"],
  ["user", "get", one("acme", "ignored", "alice"), "org/acme/user/alice"],
  ["role", "get", one("", "", "admin"), "role/admin"],
  ["role", "get", one("acme", "alpha", "own"), "org/acme/project/alpha/role/own"],
];

describe("kindPath()", () => {
  test.each(cases)("%s %s", (noun, verb, request, expected) => {
    expect(formatPath(kindPath(kindOf(noun), verb, request))).toBe(expected);
  });

  test.each(["acme/project/alpha", "*", "../acme", "a b", "é", "x".repeat(200)])(
    "keeps %s from being more than one part",
    (odd) => {
      const path = kindPath(kindOf("vpc"), "get", one(odd, "alpha", odd));
      expect(path.org).toMatch(/^=[\w-]{1,128}$/);
      expect(formatPath(path).split("/")).toHaveLength(6);
    },
  );
});

test("servicePath() is the scope that the request names", () => {
  expect(servicePath(page("acme", "alpha"))).toEqual({ org: "acme", project: "alpha", type: "", id: "" });
});
