// Settings: flags, variables, and what is refused.
import { describe, expect, test } from "@jest/globals";
import { ConfigError, readConfig, settingsHelp } from "./config.ts";

describe("readConfig()", () => {
  test("--dev needs nothing", () => {
    expect(readConfig(["--dev"], {})).toEqual({
      dev: true,
      listen: [{ host: "127.0.0.1", port: 50_080, loopback: true }],
      dataDir: ".photon/dev",
      databaseUrl: undefined,
      tls: undefined,
      logLevel: "warn",
      metricsListen: undefined,
      advertise: "",
      masterKeyFile: undefined,
      callsPerSecond: 2_000,
      privateIssuers: true,
      providerPackages: undefined,
      terraformState: false,
      network: { driver: "auto", ovn: undefined, outside: { cidr: "203.0.113.0/24", place: "here" } },
      hypervisor: { driver: "auto", images: undefined, machines: undefined },
      compute: { consoleOrigins: [], largestImageBytes: 64 * 1024 ** 3, privateImageSources: false },
      moves: {
        listen: { host: "127.0.0.1", port: 50_091, loopback: true },
        address: { host: "127.0.0.1", port: 50_091 },
      },
    });
  });

  test.each([
    [["--listen", "[::1]:2"], "::1", 50_091],
    [
      ["--listen", "0.0.0.0:2", "--insecure-plaintext", "--advertise", "https://cloud.example"],
      "cloud.example",
      50_091,
    ],
    [["--moves-listen", "10.0.0.1:7"], "10.0.0.1", 7],
    [["--moves-listen", "0.0.0.0:7", "--moves-address", "one.example"], "one.example", 7],
  ])("moves with %j come in at %s, port %i", (argv, host, port) => {
    expect(readConfig(argv, {}).moves.address).toMatchObject({ host, port });
  });

  test("a flag wins over its variable, and the store's old variable works", () => {
    const environment = { PHOTON_LISTEN: "127.0.0.1:1", PHOTON_DATA: "/d", FLAREDB_ENDPOINT: "postgres://h/db" };
    const config = readConfig(["--listen", "[::1]:2"], environment);
    expect(config.listen).toEqual([{ host: "::1", port: 2, loopback: true }]);
    expect(config).toMatchObject({ dataDir: "/d", databaseUrl: "postgres://h/db" });
  });

  test("the components' old ports are one word", () => {
    const { listen } = readConfig(["--dev", "--also-listen", "components,127.0.0.1:7"], {});
    expect(listen.map(({ port }) => port)).toEqual([50_080, 50_081, 50_082, 50_083, 50_084, 50_085, 7]);
  });

  test("another component's endpoint may be this server's own", () => {
    const environment = { IAM_ENDPOINT: "http://127.0.0.1:50080", NOVANET_ENDPOINT: "localhost:50081" };
    expect(readConfig(["--dev", "--also-listen", "components"], environment).listen).toHaveLength(6);
  });
});

test("an OVN is named by both of its databases, with certificates for ssl:", () => {
  const remotes = ["--ovn-northbound", "ssl:10.0.0.1:6641,ssl:10.0.0.2:6641", "--ovn-southbound", "tcp:[fd00::1]:6642"];
  const files = { PHOTON_OVN_TLS_KEY: "k.pem", PHOTON_OVN_TLS_CERT: "c.pem", PHOTON_OVN_TLS_CA: "ca.pem" };
  const { network } = readConfig(remotes, files);
  const tls = { keyFile: "k.pem", certFile: "c.pem", caFile: "ca.pem" };
  expect(network).toMatchObject({ driver: "auto", ovn: { northbound: remotes[1], southbound: remotes[3], tls } });
});

test.each([
  ["198.18.7.9/24", { cidr: "198.18.7.0/24", place: "here" }],
  ["namespace", { cidr: "203.0.113.0/24", place: "namespace" }],
])("the outside of an OVN of one's own is %s", (given, outside) => {
  expect(readConfig(["--dev"], { PHOTON_OUTSIDE: given }).network.outside).toEqual(outside);
});

describe("a wrong setting is one sentence", () => {
  const cases: readonly [readonly string[], RegExp][] = [
    [["--listen", "nowhere:99999"], /listen is "nowhere:99999"; it must be HOST:PORT/],
    [["--listen", "0.0.0.0:50080"], /listening on 0.0.0.0 without TLS.*--insecure-plaintext/],
    [["--log-level", "loud"], /"loud"; it must be one of fatal/],
    [["--database-url", "mysql://x"], /must begin with postgres:\/\//],
    [["--tls"], /tls needs tls-cert and tls-key/],
    [["--tls-cert", "a.pem"], /belong together/],
    [["--nonsense"], /nonsense/],
    [["--network", "carrier-pigeon"], /"carrier-pigeon"; it must be one of auto, ovn, simulated/],
    [["--hypervisor", "abacus"], /"abacus"; it must be one of auto, qemu, simulated/],
    [["--network", "ovn"], /needs ovn-northbound and ovn-southbound/],
    [["--outside", "198.18.7.1"], /outside is "198.18.7.1"; it must be "namespace" or an IPv4 network of \/8 to \/28/],
    [["--outside", "2001:db8:113::/64"], /must be "namespace" or an IPv4 network/],
    [["--ovn-northbound", "unix:/a"], /belong together; give both/],
    [
      ["--ovn-northbound", "unix:/a", "--ovn-southbound", "10.0.0.1"],
      /ovn-southbound: "10.0.0.1" is not an OVSDB server/,
    ],
    [["--ovn-northbound", "ssl:h:1", "--ovn-southbound", "ssl:h:2"], /ovn-northbound: ssl:h:1 needs a key/],
    [["--ovn-northbound", "unix:/a", "--ovn-southbound", "unix:/b", "--network", "simulated"], /don't go together/],
    [["--ovn-tls-key", "k.pem"], /give all three/],
    [["--iam-endpoint", "http://iam.example:50080"], /answers for every component itself/],
  ];
  test.each(cases)("%j", (argv, message) => {
    expect(() => readConfig(argv, {})).toThrow(ConfigError);
    expect(() => readConfig(argv, {})).toThrow(message);
  });

  test("a switch from a variable is true or false", () => {
    expect(() => readConfig([], { PHOTON_DEV: "maybe" })).toThrow(/true or false/);
  });
});

test("settingsHelp() names every flag with its variable", () => {
  expect(settingsHelp()).toContain("--database-url URL");
  expect(settingsHelp()).toContain("PHOTON_DATABASE_URL, FLAREDB_ENDPOINT");
});
