import { type IncomingHttpHeaders, request } from "node:http";
import { connect, createServer as createSocketServer } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Clock, systemClock } from "../../clock.ts";
import type { Directory, GuestFacts, GuestPort } from "../directory.ts";
import { RateLimit } from "../limits.ts";
import { callerOf, macOfLinkLocal } from "./caller.ts";
import type { MetadataParts } from "./handler.ts";
import { listenOn, metadataServer } from "./serve.ts";
import { parseTtl, SessionTokens } from "./token.ts";
import { read, treeOf } from "./tree.ts";

const port = (id: string, more: Partial<GuestPort> = {}): GuestPort => ({
  id,
  name: "web-eth0",
  macAddress: "fa:16:3e:00:00:01",
  ipAddress: "10.0.1.10",
  ipv6Address: "fd00:10:0:1::10",
  publicAddress: "203.0.113.20",
  securityGroups: [{ id: "sg-1", name: "web" }],
  subnetId: "subnet-1",
  subnetCidrs: ["10.0.1.0/24", "fd00:10:0:1::/64"],
  vpcId: "vpc-1",
  vpcCidrs: ["10.0.0.0/16", "fd00:10::/48"],
  ...more,
});
const main = port("port-1");
const second = port("port-2", { macAddress: "fa:16:3e:00:00:02", ipAddress: "10.0.2.10", publicAddress: undefined });
const machine: GuestFacts["machine"] = {
  id: "vm-1",
  name: "web",
  imageId: "debian-12",
  cpu: 2,
  memoryMib: 1024,
  labels: { team: "shop", "team/name": "x", Name: "y" },
  userData: "#cloud-config\nhostname: web\n",
  sshKeys: ["ssh-ed25519 AAAA a@b", "ssh-rsa BBBB"],
  createdAt: Date.UTC(2026, 0, 2),
  ports: [main, second],
};
const facts: GuestFacts = { org: "acme", project: "alpha", port: main, machine };
const bare: GuestFacts = { ...facts, machine: undefined };
const log = { debug() {}, info() {}, warn() {}, error() {} };

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

interface Served {
  readonly url: URL;
  readonly asked: unknown[];
  readonly pinned: string[];
  time: number;
}

/** The service, as a guest that calls from this machine's loopback finds it. */
async function serve(guest: GuestFacts | undefined, more: Partial<MetadataParts> = {}): Promise<Served> {
  const served = { asked: [] as unknown[], pinned: [] as string[], time: 1_000_000, url: new URL("http://127.0.0.1") };
  const clock: Clock = { ...systemClock, now: () => served.time };
  const directory: Directory = {
    addresses: async () => undefined,
    nameOf: async () => undefined,
    networks: async () => [],
    guest: async (place, caller) => {
      served.asked.push([place.subnetId, caller]);
      return guest;
    },
  };
  const socket = createSocketServer();
  await new Promise<void>((done) => socket.listen(0, "127.0.0.1", done));
  const parts: MetadataParts = {
    place: { org: "acme", project: "alpha", vpcId: "vpc-1", subnetId: "subnet-1" },
    directory,
    tokens: new SessionTokens(Buffer.from("secret"), clock),
    rate: new RateLimit({ perSecond: 1, burst: 1000, clock }),
    log,
    pin: async (address, mac) => {
      served.pinned.push(`${address} ${mac}`);
      return async () => void served.pinned.push("undone");
    },
    ...more,
  };
  const server = metadataServer(parts, { headersTimeout: 200, connectionsCheckingInterval: 50 });
  const address = socket.address();
  await listenOn(server, socket);
  ends.push(() => {
    server.close();
    server.closeAllConnections();
  });
  served.url.port = String(typeof address === "object" ? address?.port : "");
  return served;
}

interface Told {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

function call(served: Served, method: string, path: string, headers: Record<string, string> = {}): Promise<Told> {
  return new Promise((done, fail) => {
    const { hostname, port: number } = served.url;
    const options = { hostname, port: number, method, path, headers: { host: "169.254.169.254", ...headers } };
    request(options, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += String(chunk);
      });
      response.on("end", () => done({ status: response.statusCode ?? 0, body, headers: response.headers }));
    })
      .on("error", fail)
      .end();
  });
}

const ttl = "x-aws-ec2-metadata-token-ttl-seconds";
const tokenOf = async (served: Served, seconds = "60") =>
  (await call(served, "PUT", "/latest/api/token", { [ttl]: seconds })).body;
async function get(served: Served, path: string): Promise<string | number> {
  const told = await call(served, "GET", path, { "x-aws-ec2-metadata-token": await tokenOf(served) });
  return told.status === 200 ? told.body : told.status;
}

describe("a session token", () => {
  test("is given for a time, to the MAC of the caller's port alone", async () => {
    const served = await serve(facts);
    const told = await call(served, "PUT", "/latest/api/token", { [ttl]: "21600" });
    expect([told.status, told.headers[ttl], told.headers["cache-control"]]).toEqual([200, "21600", "no-store"]);
    expect(served.pinned).toEqual(["127.0.0.1 fa:16:3e:00:00:01", "undone"]);
    expect(served.asked).toEqual([["subnet-1", { address: "127.0.0.1" }]]);
  });

  test.each(["0", "21601", "-1", "1.5", "x", "", "060", "999999"])("is not given for %j seconds", async (seconds) => {
    const told = await call(await serve(facts), "PUT", "/latest/api/token", { [ttl]: seconds });
    expect(told.status).toBe(400);
  });

  test("is needed, and is worth something until its time has come", async () => {
    const served = await serve(facts);
    const token = await tokenOf(served, "60");
    const status = async (sent?: string) =>
      (await call(served, "GET", "/latest/meta-data/", sent === undefined ? {} : { "x-aws-ec2-metadata-token": sent }))
        .status;
    expect(await status()).toBe(401);
    expect(await status("")).toBe(401);
    expect(await status(`${token}A`)).toBe(401);
    expect(await status(token)).toBe(200);
    served.time += 59_999;
    expect(await status(token)).toBe(200);
    served.time += 1;
    expect(await status(token)).toBe(401);
  });

  test("of one port is nothing at another, and what is made up is nothing", () => {
    const tokens = new SessionTokens(Buffer.from("secret"), systemClock);
    const token = tokens.issue("port-1", 60);
    expect([tokens.accepts("port-1", token), tokens.accepts("port-2", token)]).toEqual([true, false]);
    const others = new SessionTokens(Buffer.from("other"), systemClock);
    expect(others.accepts("port-1", token)).toBe(false);
    const wrong = fc.oneof(fc.string(), fc.base64String({ minLength: 56, maxLength: 56 }));
    fc.assert(fc.property(wrong, (text) => !tokens.accepts("port-1", text)));
  });

  test("parseTtl() takes 1 to 21600", () => {
    expect(["1", "21600", "21601", undefined].map(parseTtl)).toEqual([1, 21_600, undefined, undefined]);
  });
});

describe("refused is", () => {
  test.each([
    ["what a proxy hands on", "PUT", { "x-forwarded-for": "10.0.0.1", [ttl]: "60" }, 403],
    ["a page from elsewhere", "PUT", { host: "evil.example", [ttl]: "60" }, 403],
    ["another method", "POST", {}, 405],
    ["a deletion", "DELETE", {}, 405],
  ])("%s", async (_, method, headers, status) => {
    expect((await call(await serve(facts), method, "/latest/api/token", headers)).status).toBe(status);
  });

  test("who is nobody's guest, in words that tell nothing", async () => {
    const served = await serve(undefined);
    expect((await call(served, "PUT", "/latest/api/token", { [ttl]: "60" })).status).toBe(404);
    expect((await call(served, "GET", "/latest/meta-data/")).status).toBe(404);
  });

  test("who asks too often", async () => {
    const rate = new RateLimit({ perSecond: 0, burst: 1, clock: systemClock });
    const served = await serve(facts, { rate });
    await call(served, "GET", "/");
    expect((await call(served, "GET", "/")).status).toBe(429);
  });

  test("everybody while the directory fails", async () => {
    const directory: Directory = {
      addresses: async () => undefined,
      nameOf: async () => undefined,
      networks: async () => [],
      guest: () => Promise.reject(new Error("the store is gone")),
    };
    expect((await call(await serve(facts, { directory }), "GET", "/")).status).toBe(503);
  });
});

describe("a guest reads", () => {
  test.each([
    ["/", "1.0\n2009-04-04\n2016-09-02\n2018-09-24\n2019-10-01\n2021-03-23\nlatest"],
    ["/latest", "dynamic/\nmeta-data/\nuser-data"],
    ["/latest/meta-data/instance-id", "vm-1"],
    ["/2021-03-23/meta-data/instance-id", "vm-1"],
    ["/2020-01-01/meta-data/instance-id", 404],
    ["/latest/meta-data/hostname", "web.alpha.acme.cloud.internal"],
    ["/latest/meta-data/local-hostname", "web.alpha.acme.cloud.internal"],
    ["/latest/meta-data/local-ipv4", "10.0.1.10"],
    ["/latest/meta-data/public-ipv4", "203.0.113.20"],
    ["/latest/meta-data/mac", "fa:16:3e:00:00:01"],
    ["/latest/meta-data/placement/availability-zone", "photon1a"],
    ["/latest/meta-data/public-keys/", "0=key-0\n1=key-1"],
    ["/latest/meta-data/public-keys/1/", "openssh-key"],
    ["/latest/meta-data/public-keys/1/openssh-key", "ssh-rsa BBBB"],
    ["/latest/meta-data/public-keys/2/openssh-key", 404],
    ["/latest/meta-data/network/interfaces/macs/", "fa:16:3e:00:00:01/\nfa:16:3e:00:00:02/"],
    ["/latest/meta-data/network/interfaces/macs/fa:16:3e:00:00:02/device-number", "1"],
    ["/latest/meta-data/network/interfaces/macs/fa:16:3e:00:00:01/subnet-ipv4-cidr-block", "10.0.1.0/24"],
    ["/latest/meta-data/network/interfaces/macs/fa:16:3e:00:00:01/ipv6s", "fd00:10:0:1::10"],
    ["/latest/meta-data/network/interfaces/macs/fa:16:3e:00:00:02/public-ipv4s", 404],
    ["/latest/meta-data/tags/instance", "team\nName"],
    ["/latest/meta-data/tags/instance/team", "shop"],
    ["/latest/meta-data/tags/instance/Name", "web"],
    ["/latest/meta-data/network/interfaces/macs/fa%3A16%3a3e:00:00:02/device-number", "1"],
    ["/latest/meta-data/tags/instance/%zz", 404],
    ["/latest/meta-data/constructor", 404],
    ["/latest/meta-data/__proto__/x", 404],
    ["/latest/meta-data/instance-id/", "vm-1"],
    ["/latest/meta-data/instance-id/x", 404],
    ["/latest/meta-data/instance-id?x=1", "vm-1"],
    ["/latest/user-data", "#cloud-config\nhostname: web\n"],
    ["/elsewhere", 404],
  ])("%s and is told %j", async (path, expected) => {
    expect(await get(await serve(facts), path)).toBe(expected);
  });

  test("its identity, and all of it in one document", async () => {
    const served = await serve(facts);
    const identity: unknown = JSON.parse(String(await get(served, "/latest/dynamic/instance-identity/document")));
    expect(identity).toMatchObject({ instanceId: "vm-1", accountId: "acme/alpha", privateIp: "10.0.1.10" });
    expect(JSON.parse(String(await get(served, "/photon/v1")))).toMatchObject({
      hostname: "web.alpha.acme.cloud.internal",
      port_id: "port-1",
      vm: { id: "vm-1", user_data: machine.userData, labels: machine.labels },
      ports: [{ id: "port-1", elastic_ip: "203.0.113.20" }, { id: "port-2" }],
    });
  });

  test("its port alone where no machine of the cloud's is plugged in", async () => {
    const served = await serve(bare);
    expect(await get(served, "/latest")).toBe("meta-data/");
    expect(await get(served, "/latest/user-data")).toBe(404);
    expect(await get(served, "/latest/meta-data/instance-id")).toBe(404);
    expect(await get(served, "/latest/meta-data/hostname")).toBe("web-eth0.alpha.acme.cloud.internal");
    expect(JSON.parse(String(await get(served, "/photon/v1")))).not.toHaveProperty("vm");
  });

  test("all that the folders name, as programs that read the whole tree do", () => {
    const crawl = (path: readonly string[]): number => {
      const names = read(treeOf(facts), path)?.split("\n") ?? [];
      const counts = names.map((name) => {
        if (name.endsWith("/")) return crawl([...path, name.slice(0, -1)]);
        expect([name, typeof read(treeOf(facts), [...path, name])]).toEqual([name, "string"]);
        return 1;
      });
      return counts.reduce((sum, count) => sum + count, 0);
    };
    expect(crawl([])).toBeGreaterThan(40);
  });

  test("any path without harm", () => {
    const tree = treeOf(facts);
    fc.assert(fc.property(fc.array(fc.string()), (path) => ["string", "undefined"].includes(typeof read(tree, path))));
  });
});

describe("a caller", () => {
  test.each([
    ["10.0.1.10", { address: "10.0.1.10" }],
    ["fd00:10:0:1::10", { address: "fd00:10:0:1::10" }],
    ["fe80::f816:3eff:fe00:1%eth0", { macAddress: "fa:16:3e:00:00:01" }],
    ["fe80::1%eth0", undefined],
    ["fe80::a9fe:a9fe", undefined],
  ])("at %s is asked for as %j", (address, expected) => {
    expect(callerOf(address)).toEqual(expected);
  });

  test("macOfLinkLocal() heeds link-local addresses made from a MAC alone", () => {
    expect(["fe80:0:0:1:f816:3eff:fe00:1", "fd00::f816:3eff:fe00:1", "x"].map(macOfLinkLocal)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("a guest that", () => {
  const raw = async (served: Served, text: string): Promise<string> => {
    const socket = connect(Number(served.url.port), "127.0.0.1");
    let came = "";
    socket.on("data", (chunk) => {
      came += String(chunk);
    });
    socket.on("error", () => undefined);
    socket.write(text);
    await new Promise((done) => socket.once("close", done));
    return came;
  };

  test("never ends its headers is hung up on", async () => {
    expect(await raw(await serve(facts), "GET / HTTP/1.1\r\nHost: x\r\nX: ")).toMatch(/^(HTTP\/1.1 408|$)/);
  });

  test("sends large headers, or no HTTP, is hung up on", async () => {
    expect(await raw(await serve(facts), `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431/,
    );
    expect(await raw(await serve(facts), "hello\r\n\r\n")).toMatch(/^HTTP\/1.1 400/);
  });

  test("sends a body is answered and hung up on", async () => {
    const text = `PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\n${ttl}: 9\r\nContent-Length: 1000000\r\n\r\n`;
    expect(await raw(await serve(facts), text)).toMatch(/^HTTP\/1.1 200/);
  });
});
