import { expect, test } from "@jest/globals";
import { seedFiles } from "./seed.ts";

const told = { vmId: "vm-1", hostname: "web", nics: [] };
const metaData = "instance-id: vm-1\nlocal-hostname: web\n";
const keys = ["ssh-ed25519 AAAA a@b", 'ssh-rsa AAAA "c"'];

test("seedFiles() gives keys alone as user data", () => {
  expect(seedFiles({ ...told, sshKeys: keys })).toEqual({
    "meta-data": metaData,
    "user-data": '#cloud-config\nssh_authorized_keys:\n  - "ssh-ed25519 AAAA a@b"\n  - "ssh-rsa AAAA \\"c\\""\n',
  });
});

test("seedFiles() leaves user data as it is, and tells keys beside it", () => {
  expect(seedFiles({ ...told, sshKeys: keys, userData: "#!/bin/sh\n" })).toEqual({
    "meta-data": `${metaData}public-keys:\n  - "ssh-ed25519 AAAA a@b"\n  - "ssh-rsa AAAA \\"c\\""\n`,
    "user-data": "#!/bin/sh\n",
  });
});

test("seedFiles() lets every NIC ask by DHCP", () => {
  const nics = [{ id: "eth0", portId: "port-1", macAddress: "fa:16:3e:00:00:01" }];
  expect(seedFiles({ ...told, nics })["network-config"]).toBe(
    'version: 2\nethernets:\n  nic0:\n    match: {macaddress: "fa:16:3e:00:00:01"}\n    dhcp4: true\n    dhcp6: true\n',
  );
});
