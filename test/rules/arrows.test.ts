// The import arrows of docs/ARCHITECTURE.md: who may import whom. Any other arrow fails here.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "../..");

/** What each package may import of the others. Its tests may import more: see below. */
const packages: Readonly<Record<string, readonly string[]>> = {
  proto: [],
  sdk: ["proto"],
  provider: ["proto", "sdk"],
  cli: ["proto", "sdk", "server"],
  constructs: [],
  server: ["proto"],
};

const packageNames: Readonly<Record<string, string>> = {
  "@photoncloud/proto": "proto",
  "@photoncloud/sdk": "sdk",
  "@photoncloud/server": "server",
  "@photoncloud/constructs": "constructs",
  "@photoncloud/cli": "cli",
  "terraform-provider-photoncloud": "provider",
};

/** Inside the server: what each part may import of the others. The files directly under src (main.ts, parts.ts) and the test cloud know all of them. */
const serverParts: Readonly<Record<string, readonly string[]>> = {
  rpc: ["services", "engine", "store"],
  services: ["engine", "store", "backends", "agent"],
  engine: ["store"],
  store: [],
  backends: [],
  agent: ["backends"],
};

interface Import {
  readonly file: string;
  readonly target: string;
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/(^|\/)(node_modules|dist|gen)\//.test(file))
    .map((file) => join(folder, file));
}

const isTest = (file: string) =>
  file.endsWith(".test.ts") || /\/(testing|testkit)\//.test(file) || /contract\.ts$/.test(file);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8");
  const found = text.matchAll(
    /^\s*(?:import|export)\b[^"'`;]*?\bfrom\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)|^\s*import\s+"([^"]+)"/gm,
  );
  return [...found].map((match) => ({ file, target: match[1] ?? match[2] ?? match[3] ?? "" }));
}

function packageOf({ file, target }: Import): string | undefined {
  const named = Object.keys(packageNames).find((name) => target === name || target.startsWith(`${name}/`));
  if (named !== undefined) return packageNames[named];
  return target.startsWith(".") ? normalize(join(dirname(file), target)).split("/")[0] : undefined;
}

/** "server/src/store/sqlite.ts" → "store"; files directly under src have no part. */
function serverPart(path: string): string | undefined {
  const [, , part, ...rest] = path.split("/");
  return rest.length === 0 ? undefined : part;
}

const show = ({ file, target }: Import) => `${file} imports ${target}`;

describe.each(Object.entries(packages))("%s", (name, allowed) => {
  const all = sources(`${name}/src`)
    .filter((file) => !isTest(file))
    .flatMap(importsOf);

  test("imports only the packages that it may", () => {
    const wrong = all.filter((i) => {
      const other = packageOf(i);
      return other !== undefined && other !== name && !allowed.includes(other);
    });
    expect(wrong.map(show)).toEqual([]);
  });
});

test("inside the server every part imports only the parts that it may", () => {
  const inner = sources("server/src")
    .filter((file) => !isTest(file))
    .flatMap(importsOf);
  const wrong = inner.filter(({ file, target }) => {
    const from = serverPart(file);
    if (from === undefined || from === "testing" || !target.startsWith(".")) return false;
    const to = serverPart(normalize(join(dirname(file), target)));
    return to !== undefined && to !== from && !serverParts[from]?.includes(to);
  });
  expect(wrong.map(show)).toEqual([]);
});

test("services reach a backend by its role's interface alone", () => {
  const wrong = sources("server/src/services")
    .filter((file) => !isTest(file))
    .flatMap(importsOf)
    .filter(
      ({ target }) =>
        target.includes("/backends/") &&
        !/\/(driver|drivers|driver-error|file-parts|flow-source|places|topology)\.ts$/.test(target),
    );
  expect(wrong.map(show)).toEqual([]);
});

test("services know of the agent what it asks them alone", () => {
  const wrong = sources("server/src/services")
    .filter((file) => !isTest(file))
    .flatMap(importsOf)
    .filter(({ target }) => /\/agent\//.test(target) && !target.endsWith("/agent/directory.ts"));
  expect(wrong.map(show)).toEqual([]);
});

test("only the store knows SQL, and only rpc, the two ends of the channel to agents and tests know Connect", () => {
  const wrong = sources("server/src")
    .filter((file) => !isTest(file))
    .flatMap(importsOf)
    .filter(({ file, target }) => {
      if (/^(kysely|pg|node:sqlite)/.test(target)) return !file.startsWith("server/src/store/");
      const ends = ["rpc/", "backends/hypervisor/remote/", "agent/machines/", "run-agent.ts"];
      return target.startsWith("@connectrpc/") && !ends.some((end) => file.startsWith(`server/src/${end}`));
    });
  expect(wrong.map(show)).toEqual([]);
});

test("only constructs/src/cdk.ts names the base package", () => {
  const wrong = sources("constructs/src")
    .filter((file) => !isTest(file))
    .flatMap(importsOf)
    .filter(({ file, target }) => /^(cdktf|cdktn)($|\/)/.test(target) && relative("constructs/src", file) !== "cdk.ts");
  expect(wrong.map(show)).toEqual([]);
});

test("examples import published names only", () => {
  const wrong = sources("examples")
    .flatMap(importsOf)
    .filter(({ file, target }) => {
      if (/^@photoncloud\/(sdk|constructs)(\/(testing|cdktn))?$/.test(target)) return false;
      return (
        /^@photoncloud\//.test(target) ||
        normalize(join(dirname(file), target)).startsWith("..") ||
        (target.startsWith(".") && normalize(join(dirname(file), target)).split("/")[0] !== "examples")
      );
    });
  expect(wrong.map(show)).toEqual([]);
});
