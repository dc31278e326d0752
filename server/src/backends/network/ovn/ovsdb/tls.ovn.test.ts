// What an operator reads when the certificates are not as they should be: which setting, and what is wrong with it.
import { rmSync } from "node:fs";
import { copyFile, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openDatabase } from "./client.ts";
import type { TlsFiles } from "./database.ts";
import { type Authority, newAuthority } from "./testing/certificates.ts";
import { freePort, type OvsdbServers, ovsdbMissing, startServer } from "./testing/ovsdb-servers.ts";

/** From, to. */
async function copyAll(files: readonly (readonly [string, string])[]): Promise<void> {
  for (const [from, to] of files) await copyFile(from, to);
}

const monitor = { NB_Global: { columns: ["nb_cfg"] } };
const missing = ovsdbMissing();
const describeOnOvsdb = missing === undefined ? describe : describe.skip;

describeOnOvsdb("a database by TLS", () => {
  let dir = "";
  let own: Authority;
  let other: Authority;
  let mine: TlsFiles;
  const servers: OvsdbServers[] = [];
  beforeAll(async () => {
    dir = await mkdtemp("/tmp/pt-");
    [own, other] = [await newAuthority(dir, "own"), await newAuthority(dir, "other")];
    mine = await own.issue("client");
  });
  afterAll(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  async function serverWith(files: TlsFiles): Promise<string> {
    const server = await startServer(async () => files);
    servers.push(server);
    return server.remote;
  }

  const open = (remote: string, tls: TlsFiles, log: (message: string) => void, signal: AbortSignal) =>
    openDatabase({ remote, database: "OVN_Northbound", monitor, tls, log }, signal);

  /** What the log says of it first. */
  async function told(remote: string, tls: TlsFiles): Promise<string> {
    const enough = new AbortController();
    const limit = AbortSignal.any([enough.signal, AbortSignal.timeout(20_000)]);
    const first = Promise.withResolvers<string>();
    const opening = open(remote, tls, first.resolve, limit).then((database) => database.close());
    const text = await Promise.race([first.promise, opening.then(() => "opened")]);
    enough.abort();
    await opening.catch(() => undefined);
    return text;
  }

  const refusedBy = (remote: string, why: string) =>
    `no server of OVN_Northbound can be used yet; still trying: ${remote}: ${why}`;

  test("is taken whatever its name, unless a name is asked for", async () => {
    const remote = await serverWith(await own.issue("ovn-central"));
    const taken = `connected to OVN_Northbound at ${remote}`;
    expect(await told(remote, mine)).toBe(taken);
    expect(await told(remote, { ...mine, serverName: "ovn-central" })).toBe(taken);
    expect(await told(remote, { ...mine, serverName: "another" })).toBe(
      refusedBy(remote, `the server's certificate is not for "another" (ovn-tls-name)`),
    );
  });

  test("is refused with the certificate of another authority", async () => {
    const remote = await serverWith(await own.issue("ovn-central"));
    expect(await told(remote, { ...mine, caFile: other.caFile })).toBe(
      refusedBy(remote, "the server's certificate is not signed by the authority of ovn-tls-ca"),
    );
  });

  test("is refused with a certificate that has expired", async () => {
    const remote = await serverWith(await own.issue("ovn-central", -1));
    expect(await told(remote, mine)).toBe(
      refusedBy(remote, "the server's certificate, or the one of ovn-tls-ca, has expired"),
    );
  });

  test("that does not take our certificate is told as such", async () => {
    const remote = await serverWith(await own.issue("ovn-central"));
    const stranger = { ...(await other.issue("client")), caFile: own.caFile };
    const why = "the server does not take the certificate of ovn-tls-cert";
    expect(await told(remote, stranger)).toBe(refusedBy(remote, `${why}: it is not signed by the server's authority`));
    const old = await own.issue("client", -1);
    expect(await told(remote, old)).toBe(refusedBy(remote, `${why}: it has expired`));
  });

  test("that speaks no TLS is told as such", async () => {
    const plain = await startServer();
    servers.push(plain);
    const port = await freePort();
    await plain.servers[0]?.control("ovsdb-server/add-remote", `ptcp:${port}:127.0.0.1`);
    expect(await told(`ssl:127.0.0.1:${port}`, mine)).toMatch(/does not speak TLS there/);
  });

  test("needs files that can be read and belong together", async () => {
    const remote = await serverWith(await own.issue("ovn-central"));
    const empty = join(dir, "empty.pem");
    await writeFile(empty, "");
    const { keyFile } = await own.issue("client");
    expect(await told(remote, { ...mine, keyFile: "/nowhere.key" })).toMatch(
      /ovn-tls-key can't be used: \/nowhere.key: .*ENOENT/,
    );
    expect(await told(remote, { ...mine, certFile: empty })).toMatch(/ovn-tls-cert can't be used: .*empty.pem/);
    expect(await told(remote, { ...mine, keyFile })).toMatch(/ovn-tls-key \(.*\) is not the key of ovn-tls-cert \(/);
  });

  test("is reached again with files that were renewed meanwhile, of a new authority", async () => {
    const old = await newAuthority(dir, "old");
    const [files, client] = [await old.issue("ovn-central"), await old.issue("client")];
    const server = await startServer(async () => files);
    servers.push(server);
    const log: string[] = [];
    const limit = AbortSignal.timeout(20_000);
    const database = await open(server.remote, client, (text) => log.push(text), limit);
    const back = new Promise((resolve) => database.onReconnect(resolve));
    const [newServer, newClient] = [await other.issue("ovn-central"), await other.issue("client")];
    await server.servers[0]?.kill();
    await copyAll([
      [newServer.keyFile, files.keyFile],
      [newServer.certFile, files.certFile],
      [newClient.keyFile, client.keyFile],
      [newClient.certFile, client.certFile],
      [other.caFile, old.caFile],
    ]);
    await server.servers[0]?.start();
    await back;
    await database.close();
    expect(log.at(-1)).toBe(`connected to OVN_Northbound at ${server.remote}`);
  });
});
