import { expect, test } from "@jest/globals";
import { ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { levelsOf } from "./levels.ts";

test("levelsOf() puts each kind above those that it refers to", () => {
  const schemas = [VmSchema, PortSchema, SubnetSchema, VpcSchema, SecurityGroupSchema, ImageSchema];
  expect(levelsOf(schemas.map((schema) => ({ schema })))).toEqual([
    ["prismnet.v1.Vpc", "prismnet.v1.SecurityGroup", "plasmavmc.v1.Image"],
    ["prismnet.v1.Subnet"],
    ["prismnet.v1.Port"],
    ["plasmavmc.v1.Vm"],
  ]);
});

test("levelsOf() looks only at the kinds that are given", () => {
  expect(levelsOf([{ schema: PortSchema }, { schema: VpcSchema }])).toEqual([["prismnet.v1.Port", "prismnet.v1.Vpc"]]);
});
