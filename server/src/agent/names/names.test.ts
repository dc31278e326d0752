import { createSocket, type Socket } from "node:dgram";
import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Answer, decode, encode, type Packet, type RecordType } from "dns-packet";
import fc from "fast-check";
import { systemClock } from "../../clock.ts";
import type { Directory, Place } from "../directory.ts";
import { RateLimit } from "../limits.ts";
import { createForwarder, type Forwarder } from "./forwarder.ts";
import { type ResolverParts, resolve } from "./resolver.ts";
import { parseUpstream, serversOf } from "./upstreams.ts";

const place: Place = { org: "acme", project: "alpha", vpcId: "vpc-1", subnetId: "subnet-1" };
const names: Record<string, readonly string[]> = {
  "web.alpha.acme": ["10.0.1.10", "fd00:10:0:1::10", "10.0.2.10"],
  "v4.alpha.acme": ["10.0.1.11"],
  "many.alpha.acme": Array.from({ length: 60 }, (_, i) => `10.0.3.${i + 1}`),
};
const directory: Directory = {
  addresses: async (_, { label, project, org }) => names[`${label}.${project}.${org}`],
  nameOf: async (_, address) => {
    const found = Object.entries(names).find(([, addresses]) => addresses.includes(address))?.[0];
    const [label = "", project = "", org = ""] = found?.split(".") ?? [];
    return found === undefined ? undefined : { label, project, org };
  },
  networks: async () => ["10.0.0.0/16", "fd00:10::/48"],
  guest: async () => undefined,
};
const nobody: Forwarder = { forward: async () => undefined, stop: () => undefined };
const log = { debug() {}, info() {}, warn() {}, error() {} };

function partsOf(more: Partial<ResolverParts> = {}): ResolverParts {
  const rate = new RateLimit({ perSecond: 1e6, burst: 1e6, clock: systemClock });
  return { place, directory, addresses: ["10.0.1.254"], forwarder: nobody, rate, log, ...more };
}

const opt = (size: number, version = 0): Answer =>
  Object.assign({ type: "OPT", name: ".", udpPayloadSize: size, flags: 0, extendedRcode: 0 } as const, {
    ednsVersion: version,
    flag_do: false,
    options: [],
  });

function queryOf(name: string, type: string, more: Partial<Packet> = {}): Buffer {
  return encode({ type: "query", id: 77, flags: 0x100, questions: [{ name, type: type as RecordType }], ...more });
}

async function ask(bytes: Buffer, parts = partsOf(), transport: "udp" | "tcp" = "udp") {
  const response = await resolve(bytes, parts, { client: "10.0.1.9", transport });
  return response && { bytes: response, ...decode(response), rcode: (decode(response).flags ?? 0) & 0xf };
}

/** "NOERROR aa A 10.0.1.10, …" or "NXDOMAIN aa SOA cloud.internal". */
function show(answer: Awaited<ReturnType<typeof ask>>): string {
  if (answer === undefined) return "silence";
  const rcode = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"][answer.rcode];
  const records = [...(answer.answers ?? []), ...(answer.authorities ?? [])].map((record) => {
    const data: unknown = "data" in record ? record.data : "";
    return `${record.type} ${typeof data === "string" ? data : record.name}`;
  });
  return [rcode, answer.flag_aa && "aa", answer.flag_tc && "tc", records.join(", ")].filter(Boolean).join(" ");
}

const v6 = (text: string) => `${text.split("").toReversed().join(".")}.ip6.arpa`;

describe("the resolver answers", () => {
  test.each([
    ["web.alpha.acme.cloud.internal", "A", "NOERROR aa A 10.0.1.10, A 10.0.2.10"],
    ["WEB.Alpha.acme.CLOUD.internal", "A", "NOERROR aa A 10.0.1.10, A 10.0.2.10"],
    ["web.alpha.acme.cloud.internal", "AAAA", "NOERROR aa AAAA fd00:10:0:1::10"],
    ["web.alpha.acme.cloud.internal", "ANY", "NOERROR aa A 10.0.1.10, AAAA fd00:10:0:1::10, A 10.0.2.10"],
    ["v4.alpha.acme.cloud.internal", "AAAA", "NOERROR aa SOA cloud.internal"],
    ["web.alpha.acme.cloud.internal", "TXT", "NOERROR aa SOA cloud.internal"],
    ["web.alpha.acme.cloud.internal", "UNKNOWN_65", "NOERROR aa SOA cloud.internal"],
    ["gone.alpha.acme.cloud.internal", "A", "NXDOMAIN aa SOA cloud.internal"],
    ["web.alpha.rival.cloud.internal", "A", "NXDOMAIN aa SOA cloud.internal"],
    ["x.web.alpha.acme.cloud.internal", "A", "NXDOMAIN aa SOA cloud.internal"],
    ["alpha.acme.cloud.internal", "A", "NOERROR aa SOA cloud.internal"],
    ["cloud.internal", "SOA", "NOERROR aa SOA cloud.internal"],
    ["cloud.internal", "NS", "NOERROR aa NS ns.cloud.internal"],
    ["cloud.internal", "A", "NOERROR aa SOA cloud.internal"],
    ["ns.cloud.internal", "A", "NOERROR aa A 10.0.1.254"],
    ["10.1.0.10.in-addr.arpa", "PTR", "NOERROR aa PTR web.alpha.acme.cloud.internal"],
    ["10.1.0.10.IN-ADDR.arpa", "PTR", "NOERROR aa PTR web.alpha.acme.cloud.internal"],
    ["10.1.0.10.in-addr.arpa", "A", "NOERROR aa SOA 10.in-addr.arpa"],
    ["99.1.0.10.in-addr.arpa", "PTR", "NXDOMAIN aa SOA 10.in-addr.arpa"],
    ["0.10.in-addr.arpa", "NS", "NOERROR aa SOA 10.in-addr.arpa"],
    ["1.1.168.192.in-addr.arpa", "PTR", "NXDOMAIN aa SOA 192.in-addr.arpa"],
    [v6("fd000010000000010000000000000010"), "PTR", "NOERROR aa PTR web.alpha.acme.cloud.internal"],
    [v6("fd000010000000010000000000000099"), "PTR", "NXDOMAIN aa SOA d.f.ip6.arpa"],
    [v6("fe800000000000000000000000000001"), "PTR", "NXDOMAIN aa SOA e.f.ip6.arpa"],
    ["8.8.8.8.in-addr.arpa", "PTR", "SERVFAIL"],
    ["300.1.0.10.in-addr.arpa", "PTR", "SERVFAIL"],
    ["example.com", "A", "SERVFAIL"],
    ["printer", "A", "NXDOMAIN"],
    ["cloud.internal", "AXFR", "REFUSED"],
    ["example.com", "AXFR", "REFUSED"],
  ])("%s %s with %s", async (name, type, expected) => {
    const answer = await ask(queryOf(name, type));
    expect(show(answer)).toBe(expected);
    expect(answer).toMatchObject({ id: 77, flag_qr: true, flag_ra: true, flag_rd: true, questions: [{ name, type }] });
  });

  test("one that wants no recursion from its own names alone", async () => {
    expect(show(await ask(queryOf("example.com", "A", { flags: 0 })))).toBe("REFUSED");
    expect(show(await ask(queryOf("v4.alpha.acme.cloud.internal", "A", { flags: 0 })))).toBe("NOERROR aa A 10.0.1.11");
  });

  test("other classes, operations and shapes with what they are", async () => {
    const chaos = { questions: [{ name: "version.bind", type: "TXT" as const, class: "CH" as const }] };
    expect(show(await ask(queryOf("", "TXT", chaos)))).toBe("REFUSED");
    expect(show(await ask(queryOf("cloud.internal", "SOA", { flags: 5 << 11 })))).toBe("NOTIMP");
    const question = { name: "a.b", type: "A" as const };
    expect(show(await ask(queryOf("", "A", { questions: [question, question] })))).toBe("FORMERR");
    expect(show(await ask(queryOf("", "A", { questions: [] })))).toBe("FORMERR");
    expect(await ask(encode({ type: "response", questions: [question] }))).toBeUndefined();
    expect(await ask(Buffer.alloc(11))).toBeUndefined();
    expect(show(await ask(Buffer.concat([queryOf("a.b", "A"), Buffer.alloc(5000)])))).toBe("FORMERR");
  });
});

describe("EDNS", () => {
  const many = "many.alpha.acme.cloud.internal";

  test("is answered with EDNS, and not where it was not used", async () => {
    const with0 = await ask(queryOf("v4.alpha.acme.cloud.internal", "A", { additionals: [opt(4096)] }));
    expect(with0?.additionals).toMatchObject([{ type: "OPT", udpPayloadSize: 1232, ednsVersion: 0 }]);
    expect((await ask(queryOf("v4.alpha.acme.cloud.internal", "A")))?.additionals).toEqual([]);
    const with1 = await ask(queryOf("v4.alpha.acme.cloud.internal", "A", { additionals: [opt(4096, 1)] }));
    expect(with1?.additionals).toMatchObject([{ type: "OPT", extendedRcode: 1 }]);
    const twice = await ask(queryOf("a.b", "A", { additionals: [opt(512), opt(512)] }));
    expect(twice?.rcode).toBe(1);
  });

  test.each([
    ["no EDNS", undefined, "udp", true],
    ["too small a size", 100, "udp", true],
    ["a size that is enough", 4096, "udp", true],
    ["TCP", undefined, "tcp", false],
  ] as const)("%s: large answers are cut to what fits", async (_, size, transport, cut) => {
    const answer = await ask(queryOf(many, "A", size ? { additionals: [opt(size)] } : {}), partsOf(), transport);
    expect(answer).toMatchObject({ flag_tc: cut });
    expect(answer?.answers).toHaveLength(cut ? 0 : 60);
    expect(answer?.bytes.length).toBeLessThanOrEqual(cut ? 1232 : 65_535);
  });
});

describe("forwarding", () => {
  const ends: (() => void)[] = [];
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });

  async function udpServer(reply: (query: Buffer, send: (answer: Buffer) => void) => void): Promise<string> {
    const socket: Socket = createSocket("udp4");
    socket.on("message", (query, from) => reply(query, (answer) => socket.send(answer, from.port, from.address)));
    await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
    ends.push(() => socket.close());
    return `127.0.0.1:${socket.address().port}`;
  }
  const answerWith = (query: Buffer, data: string, more: Partial<Packet> = {}) => {
    const { id, questions = [] } = decode(query);
    const [{ name } = { name: "" }] = questions;
    return encode({ type: "response", id, flags: 0x180, questions, answers: [{ type: "A", name, data }], ...more });
  };
  /** The waits for a server; they end when a test says so, so that a slow machine changes nothing. */
  const waits: AbortController[] = [];
  const loseAllPatience = () => {
    for (const wait of waits.splice(0)) wait.abort();
  };
  const forwarding = (...servers: string[]) => {
    const upstreams = servers.map(parseUpstream).filter((one) => one !== undefined);
    const wait = () => {
      const controller = new AbortController();
      waits.push(controller);
      return controller.signal;
    };
    const forwarder = createForwarder(() => upstreams, { ofVpc: 8, ofGuest: 4 }, wait);
    ends.push(() => forwarder.stop());
    return partsOf({ forwarder });
  };

  test("hands on what is not the cloud's own, under another id", async () => {
    let asked = 77;
    const server = await udpServer((query, send) => {
      asked = query.readUInt16BE(0);
      send(answerWith(query, "192.0.2.1"));
    });
    const answer = await ask(queryOf("eXample.com", "A"), forwarding(server));
    expect(show(answer)).toBe("NOERROR A 192.0.2.1");
    expect([answer?.id, answer?.questions?.[0]?.name]).toEqual([77, "eXample.com"]);
    expect(asked).not.toBe(77);
  });

  test("heeds no answer to another question, and none under another id", async () => {
    const server = await udpServer((query, send) => {
      send(answerWith(query, "192.0.2.66", { id: (decode(query).id ?? 0) ^ 1 }));
      send(answerWith(query, "192.0.2.66", { questions: [{ name: "evil.com", type: "A" }] }));
      send(answerWith(query, "192.0.2.66", { questions: [{ name: "EXAMPLE.com", type: "A" }] }));
      send(Buffer.from("no answer"));
      send(answerWith(query, "192.0.2.1"));
    });
    expect(show(await ask(queryOf("example.com", "A"), forwarding(server)))).toBe("NOERROR A 192.0.2.1");
  });

  test("asks the next server where one is silent or fails, and gives up at the end", async () => {
    const silent = await udpServer(loseAllPatience);
    const failing = await udpServer((query, send) => send(answerWith(query, "", { flags: 0x182, answers: [] })));
    const good = await udpServer((query, send) => send(answerWith(query, "192.0.2.1")));
    expect(show(await ask(queryOf("a.example", "A"), forwarding(silent, failing, good)))).toBe("NOERROR A 192.0.2.1");
    expect(show(await ask(queryOf("a.example", "A"), forwarding(failing, silent)))).toBe("SERVFAIL");
    expect(show(await ask(queryOf("a.example", "A"), forwarding()))).toBe("SERVFAIL");
  });

  test("cuts what is too large for the guest, and asks over TCP where the guest does", async () => {
    const large = (query: Buffer) => {
      const answers = Array.from(
        { length: 100 },
        (_, i): Answer => ({ type: "A", name: "a.example", data: `192.0.2.${i}` }),
      );
      return answerWith(query, "", { answers });
    };
    const server = await udpServer((query, send) => send(large(query)));
    const cut = await ask(queryOf("a.example", "A", { additionals: [opt(4096)] }), forwarding(server));
    expect([show(cut), cut?.additionals?.length]).toEqual(["NOERROR tc", 1]);
    const tcp = createServer((socket) =>
      socket.on("data", (query) => {
        const answer = large(query.subarray(2));
        socket.write(Buffer.from([answer.length >> 8, answer.length & 255]));
        socket.end(answer);
      }),
    );
    await new Promise<void>((done) => tcp.listen(0, "127.0.0.1", done));
    ends.push(() => tcp.close());
    const address = tcp.address();
    const port = typeof address === "object" ? address?.port : 0;
    const whole = await ask(queryOf("a.example", "A"), forwarding(`127.0.0.1:${port}`), "tcp");
    expect(whole?.answers).toHaveLength(100);
  });

  test("bounds what a guest, and what a VPC may have under way, and keeps no other out", async () => {
    let asked = 0;
    let expected = 4;
    const silent = await udpServer(() => {
      asked++;
      if (asked === expected) loseAllPatience();
    });
    const parts = forwarding(silent);
    const askFrom = (client: string, times: number, of = parts) =>
      Array.from({ length: times }, () =>
        resolve(queryOf("a.example", "A"), of, { client, transport: "udp" }).then(
          (bytes) => bytes && decode(bytes).flags,
        ),
      );
    const servFail = 0x182;
    expect(new Set(await Promise.all(askFrom("10.0.1.9", 20)))).toEqual(new Set([servFail]));
    expect(asked).toBe(4);
    expected += 8 + 1;
    const guests = Array.from({ length: 10 }, (_, i) => askFrom(`10.0.1.${i}`, 4)).flat();
    const other = askFrom("10.0.1.9", 1, { ...parts, place: { ...place, vpcId: "vpc-2", subnetId: "subnet-2" } });
    await Promise.all([...guests, ...other]);
    expect(asked).toBe(expected);
  });
});

test("who asks too often is not answered", async () => {
  const rate = new RateLimit({ perSecond: 0, burst: 2, clock: systemClock });
  const all = [1, 2, 3].map(() => ask(queryOf("v4.alpha.acme.cloud.internal", "A"), partsOf({ rate })));
  expect((await Promise.all(all)).map((answer) => answer?.rcode)).toEqual([0, 0, undefined]);
});

test("a directory that fails is a SERVFAIL", async () => {
  const failing = { ...directory, addresses: () => Promise.reject(new Error("the store is gone")) };
  expect(show(await ask(queryOf("v4.alpha.acme.cloud.internal", "A"), partsOf({ directory: failing })))).toBe(
    "SERVFAIL",
  );
});

describe("whatever comes in", () => {
  const parts = partsOf();
  const answered = async (bytes: Buffer) => {
    const response = await resolve(bytes, parts, { client: "10.0.1.9", transport: "udp" });
    if (response === undefined) return;
    expect(response.length).toBeLessThanOrEqual(1232);
    expect(decode(response).id).toBe(bytes.readUInt16BE(0));
  };

  test("is answered with a message that can be read, or not at all", async () => {
    const anything = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(fc.asyncProperty(anything, answered), { numRuns: 500 });
  });

  test("also where a few bytes of a query are wrong", async () => {
    const good = queryOf("web.alpha.acme.cloud.internal", "A", { additionals: [opt(1232)] });
    const wrong = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
      const bytes = Buffer.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    await fc.assert(fc.asyncProperty(wrong, answered), { numRuns: 2000 });
  });
});

test("serversOf() reads a resolv.conf", () => {
  const text = "# nameserver 192.0.2.9\nsearch a b\nnameserver 192.0.2.53\n nameserver 2001:db8::53\nnameserver x\n";
  expect(serversOf(text)).toEqual([
    { address: "192.0.2.53", port: 53 },
    { address: "2001:db8::53", port: 53 },
  ]);
  expect(
    ["[2001:db8::1]:5353", "192.0.2.1:0", "ns.example", "192.0.2.1:99999", "[192.0.2.1]:53"].map(parseUpstream),
  ).toEqual([{ address: "2001:db8::1", port: 5353 }, ...Array.from({ length: 4 })]);
});
