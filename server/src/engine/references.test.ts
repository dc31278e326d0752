import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { referenceFields, referencesIn } from "./references.ts";

test("referencesIn() finds references in fields, lists, messages in lists, and maps", () => {
  const port = create(PortSchema, { subnetId: "subnet-1", securityGroupIds: ["sg-1", "sg-2"] });
  expect(referencesIn(PortSchema, port).map(({ path, id }) => `${path} ${id}`)).toEqual([
    "subnet_id subnet-1",
    "security_group_ids[0] sg-1",
    "security_group_ids[1] sg-2",
  ]);
  const vm = create(VmSchema, { spec: { imageId: "image-1", network: [{ id: "eth0", portId: "port-1" }] } });
  expect(referencesIn(VmSchema, vm)).toEqual([
    { path: "spec.image_id", field: "spec.image_id", kind: "plasmavmc.v1.Image", id: "image-1" },
    { path: "spec.network[0].port_id", field: "spec.network.port_id", kind: "prismnet.v1.Port", id: "port-1" },
  ]);
  const group = create(SecurityGroupSchema, {
    rules: { web: { remote: { case: "remoteGroupId", value: "sg-9" } }, ssh: {} },
  });
  expect(referencesIn(SecurityGroupSchema, group)).toEqual([
    {
      path: 'rules["web"].remote_group_id',
      field: "rules.remote_group_id",
      kind: "prismnet.v1.SecurityGroup",
      id: "sg-9",
    },
  ]);
});

test("referencesIn() finds nothing where nothing is set", () => {
  expect(referencesIn(VmSchema, create(VmSchema))).toEqual([]);
  expect(referencesIn(PortSchema, create(PortSchema, { subnetId: "" }))).toEqual([]);
});

test("referenceFields() lists a schema's references", () => {
  expect(referenceFields(VmSchema)).toEqual([
    { path: "spec.image_id", kind: "plasmavmc.v1.Image" },
    { path: "spec.network.port_id", kind: "prismnet.v1.Port" },
    { path: "spec.flavor_id", kind: "plasmavmc.v1.Flavor" },
    { path: "spec.source_snapshot_id", kind: "plasmavmc.v1.VmSnapshot" },
    { path: "spec.placement_group_ids", kind: "plasmavmc.v1.PlacementGroup" },
  ]);
  expect(referenceFields(SecurityGroupSchema)).toEqual([
    { path: "rules.remote_group_id", kind: "prismnet.v1.SecurityGroup" },
    { path: "rules.remote_address_group_id", kind: "prismnet.v1.AddressGroup" },
    { path: "rules.remote_peer_group.peering_id", kind: "prismnet.v1.Peering" },
  ]);
});
