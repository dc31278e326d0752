import { expect, test } from "@jest/globals";
import { runSettings } from "./agent-settings.ts";
import { ConfigError } from "./config-error.ts";

test("an agent looks for everything where packages put it", () => {
  expect(runSettings([])).toEqual({
    dataDir: "/var/lib/photoncloud-agent",
    hypervisor: { driver: "auto", images: undefined, machines: undefined },
    chassis: {},
    southbound: undefined,
  });
});

test("an agent is told of another Open vSwitch, its namespace and its log", () => {
  const flags = ["--ovs-database", "unix:/run/h1/db.sock", "--ovs-namespace", "h1", "--ovn-log", "/var/log/h1.log"];
  const { chassis, southbound } = runSettings([...flags, "--ovn-southbound", "unix:/run/ovn/sb.sock"]);
  expect(chassis).toEqual({
    database: "unix:/run/h1/db.sock",
    namespace: "h1",
    controllerLog: "/var/log/h1.log",
  });
  expect(southbound).toEqual({ remote: "unix:/run/ovn/sb.sock" });
});

const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["a southbound that is none", ["--ovn-southbound", "here"], /ovn-southbound/],
  ["TLS without its files", ["--ovn-southbound", "ssl:192.0.2.1:6642"], /ovn-southbound/],
  ["one file of three", ["--ovn-tls-key", "key.pem"], /belong together/],
  ["a hypervisor that nobody knows", ["--hypervisor", "xen"], /must be one of/],
  ["a flag that nobody knows", ["--ovn-northbound", "unix:/run/nb.sock"], /agent --help/],
];

test.each(wrong)("%s is told to the operator", (_, args, words) => {
  expect(() => runSettings(args)).toThrow(ConfigError);
  expect(() => runSettings(args)).toThrow(words);
});
