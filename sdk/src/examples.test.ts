// Every @example of the public doc comments is run, against the mock cloud, as it stands.
import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";
import { http } from "msw";
import { setupServer } from "msw/node";
import nock from "nock";
import { PhotonCloud, PhotonError } from "./index.ts";
import { errorReply, type MockCloud, mockCloud, resourceReply } from "./testing/index.ts";

interface Example {
  readonly file: string;
  readonly code: string;
}

/** The text after "@example" in doc comments, without the comments' stars. */
function examplesIn(file: string): Example[] {
  const text = readFileSync(join(import.meta.dirname, file), "utf8");
  const comments = text.match(/\/\*\*[\s\S]*?\*\//g) ?? [];
  return comments.flatMap((comment) => {
    const [, code] = /@example\n([\s\S]*?)\n\s*(?:\* @|\*\/)/.exec(comment) ?? [];
    return code === undefined ? [] : [{ file, code: code.replace(/^\s*\* ?/gm, "") }];
  });
}

const files = readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" });
const examples = files.filter((file) => file.endsWith(".ts") && !/test\.ts$|^gen/.test(file)).flatMap(examplesIn);

const mock: MockCloud = mockCloud("http://cloud.test");
beforeEach(() => {
  nock.disableNetConnect();
  mock.reset();
  mock.put("vpcs", { id: "vpc-1", name: "there" });
});
// Jest shares Node's own modules between test files: without this, files that run later would still go through nock.
afterAll(() => nock.restore());
afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

/** What an example may speak of without making it. */
function surroundings() {
  const stop = new AbortController();
  const console = { log: () => undefined, error: () => undefined };
  const cloud = new PhotonCloud({
    endpoint: mock.endpoint,
    credentials: { token: "t" },
    org: "acme",
    project: "alpha",
  });
  const server = (...handlers: Parameters<typeof setupServer>) => setupServer(...handlers);
  return {
    cloud,
    console,
    signal: stop.signal,
    stop,
    PhotonCloud,
    PhotonError,
    nock,
    http,
    mockCloud,
    resourceReply,
    errorReply,
    setupServer: server,
  };
}

/** Streams have no mock: those examples end with the signal. */
const streaming = /\.watch\(|events\.list/;

test.each(examples.map(({ file, code }) => [`${file}: ${code.split("\n")[0]}`, code]))(
  "the example of %s runs",
  async (_, code) => {
    const around = surroundings();
    if (/new PhotonCloud|nock\(/.test(code)) delete (around as { cloud?: unknown }).cloud;
    nock(/cloud\.(test|example)/)
      .persist()
      .post(/.+/)
      .reply(mock.nockReply);
    if (streaming.test(code)) around.stop.abort();
    const script = stripTypeScriptTypes(`async function example() {\n${code}\n}`);
    const names = Object.keys(around);
    const run: unknown = new Function(...names, `${script}\nreturn example();`)(...Object.values(around));
    if (streaming.test(code) && !code.includes("signal"))
      await expect(run).rejects.toMatchObject({ code: "unimplemented" });
    else await run;
  },
);

test("every class that users meet has an example", () => {
  const with_ = new Set(examples.map(({ file }) => file));
  for (const file of [
    "cloud.ts",
    "errors.ts",
    "events.ts",
    "pages.ts",
    "resource-client.ts",
    "testing/mock-cloud.ts",
    "testing/replies.ts",
  ])
    expect(with_).toContain(file);
});
