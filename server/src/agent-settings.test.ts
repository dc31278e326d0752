import { expect, test } from "@jest/globals";
import { joinSettings, runSettings } from "./agent-settings.ts";
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

test.each([
  [[], "0.0.0.0:50090", /:50090$/],
  [["--listen", "[::]:7"], "[::]:7", /:7$/],
  [["--address", "192.0.2.7:50099"], "0.0.0.0:50099", /^192\.0\.2\.7:50099$/],
  [["--listen", "10.0.0.7:50090", "--address", "192.0.2.7:443"], "10.0.0.7:50090", /^192\.0\.2\.7:443$/],
  [["--address", "one.example"], "0.0.0.0:50090", /^one\.example$/],
] as const)("a host that joins with %j listens on %s", (flags, listen, address) => {
  const settings = joinSettings(["--server", "https://cloud.example", "--token", "phj_x", ...flags], {});
  expect(settings).toMatchObject({ listen, address: expect.stringMatching(address) });
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
