// Builds the provider into one executable script: provider/dist/terraform-provider-photoncloud_v<version>.
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { catalog, packCatalog } from "@photoncloud/proto";
import { build, type Plugin } from "esbuild";
import { identitySchemas } from "../src/identity.ts";
import {
  GetProviderSchema_Response,
  GetResourceIdentitySchemas_Response,
  ProviderDefinition,
} from "../src/plugin/gen/tfplugin6.ts";
import { providerSchema } from "../src/schema-response.ts";
import { version } from "../src/version.ts";

const provider = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where the built provider lies. */
export const executable = join(provider, "dist", `terraform-provider-photoncloud_v${version}`);

/**
 * A head that is shell and JavaScript at once. The shell runs the node that lies beside it, or else the first of PATH (after the first
 * PHOTON_NODE_SKIP), in its own place, without NODE_OPTIONS, which Terraform passes on from the user's shell. Where that one is older than Node 20, it runs the
 * next one below itself: asking each for its version first would cost every start a whole start of Node.
 */
export const head = `#!/bin/sh
':' //; unset NODE_OPTIONS; d="\${0%/*}/node"; [ -x "$d" ] && exec "$d" "$0" "$@"
':' //; s=\${PHOTON_NODE_SKIP:-0}; p="$PATH:"; while [ -n "$p" ]; do n="\${p%%:*}/node"; p="\${p#*:}"; [ -x "$n" ] && { [ "$s" = 0 ] && exec "$n" "$0" "$@"; s=$((s-1)); }; done
':' //; echo "The PhotonCloud provider needs Node.js 20 or newer on PATH."; exit 1
if (parseInt(process.versions.node, 10) < 20) {
  var child = require("child_process").spawn("/bin/sh", [__filename], { stdio: "inherit", env: Object.assign({}, process.env, { PHOTON_NODE_SKIP: String(1 + Number(process.env.PHOTON_NODE_SKIP || 0)) }) });
  var parent = process.ppid;
  process.on("SIGINT", function () {});
  child.on("exit", function (code) { process.exit(code === null ? 1 : code); });
  setInterval(function () { if (process.ppid !== parent) { child.kill(); process.exit(1); } }, 1000).unref();
  return;
}
`;

/** Lies beside the executable: a package.json of a user's above it may say that scripts are ES modules. */
export const packageJson = '{ "type": "commonjs" }\n';

/** The answers that depend on the catalog alone, encoded once and for all: in base64, by path. */
export function fixedAnswers(): Readonly<Record<string, string>> {
  const schema = GetProviderSchema_Response.fromPartial(providerSchema(catalog()));
  const identities = GetResourceIdentitySchemas_Response.fromPartial(identitySchemas(catalog()));
  const answers = {
    GetProviderSchema: GetProviderSchema_Response.encode(schema).finish(),
    GetResourceIdentitySchemas: GetResourceIdentitySchemas_Response.encode(identities).finish(),
  };
  const entries = Object.entries(answers).map(([name, bytes]) => [
    `/${ProviderDefinition.fullName}/${name}`,
    Buffer.from(bytes).toString("base64"),
  ]);
  return Object.fromEntries(entries);
}

/**
 * Leaves out what a running provider never reads: the comments, which stand in the schema that was encoded above, and the
 * table of media types that axios brings for uploads.
 */
const unread: Plugin = {
  name: "unread",
  setup(build) {
    build.onLoad({ filter: /[/\\]gen[/\\]comments\.ts$/ }, () => ({ contents: "export const comments = {};" }));
    build.onLoad({ filter: /[/\\]mime-db[/\\]db\.json$/ }, () => ({ contents: "{}", loader: "json" }));
  },
};

/** A module with all that it imports, as a minified CommonJS script. Its path counts from src. */
export async function bundle(module: string, define: Record<string, string>): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [resolve(provider, "src", module)],
    bundle: true,
    minify: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    // What is unpacked at run time, or lies inside a single executable, can't import: it requires, when it gets there.
    supported: { "dynamic-import": false },
    write: false,
    conditions: ["photon-source"],
    legalComments: "none",
    plugins: [unread],
    define: { PHOTON_PACKED: "true", PHOTON_CATALOG: JSON.stringify(packCatalog(catalog())), ...define },
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("esbuild answered no file");
  return file.text;
}

/** The provider as one script: what is needed up to the handshake as code, the rest packed. */
export async function providerScript(): Promise<string> {
  const parts = deflateRawSync(await bundle("parts.ts", {}), { level: 9 }).toString("base64");
  const packed = `const PHOTON_PARTS=${JSON.stringify(parts)},PHOTON_ANSWERS=${JSON.stringify(fixedAnswers())};\n`;
  return packed + (await bundle("main.ts", {}));
}

/** Builds the executable, and answers its path. */
export async function buildProvider(): Promise<string> {
  mkdirSync(dirname(executable), { recursive: true });
  writeFileSync(join(dirname(executable), "package.json"), packageJson);
  // Renamed into place: a Terraform that runs meanwhile sees the old one or the new one, never half of it.
  const fresh = join(dirname(executable), `.building-${process.pid}`);
  writeFileSync(fresh, head + (await providerScript()));
  chmodSync(fresh, 0o755);
  renameSync(fresh, executable);
  return executable;
}

/** The built bytes; builds first where there are none. */
export async function builtProvider(): Promise<Buffer> {
  try {
    return readFileSync(executable);
  } catch {
    return readFileSync(await buildProvider());
  }
}

if (import.meta.main) console.log(await buildProvider());
