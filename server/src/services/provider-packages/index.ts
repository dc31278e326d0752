// Serves the Terraform provider to Terraform: by the provider registry protocol, whose checksums are signed, and by the network mirror protocol.
// Both are open to anyone: a provider is installed before anybody has logged in, and is no secret.
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { jsonAnswer, type WebAnswer, type WebHandler } from "../web.ts";
import type { Package, Packages } from "./packages.ts";
import type { Signer } from "./signing.ts";

/** The provider's address, wherever it comes from; a registry is also asked for it under its own host's name. */
const address = { host: "registry.photoncloud.internal", namespace: "photoncloud", type: "photoncloud" };
const registry = "/terraform/providers/v1/";
const mirror = "/terraform/mirror/";
const files = "/terraform/packages/";
/** Of the plugin protocol; every Terraform since 1.0 and every OpenTofu speaks it. */
const protocols = ["6.0"];
/** A package never changes under its name; the lists do when a version comes. */
const [forever, soon] = ["public, max-age=31536000, immutable", "public, max-age=60"];

export interface ProviderPackagesOptions {
  readonly packages: Packages;
  /** Asked for once somebody installs by the registry protocol. */
  signer(): Promise<Signer>;
}

type Answer = (match: RegExpExecArray) => Promise<WebAnswer>;

export function providerPackages({ packages, signer }: ProviderPackagesOptions): WebHandler {
  let opened: Promise<Signer> | undefined;
  const open = () => {
    opened ??= signer().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const own = `${address.namespace}/${address.type}`;
  const routes: readonly (readonly [RegExp, Answer])[] = [
    [/^\/\.well-known\/terraform\.json$/, async () => listed({ "providers.v1": registry })],
    [exactly(`${registry}${own}/versions`), async () => listed({ versions: versionsOf(packages.all()) })],
    [
      exactly(`${registry}${own}/([^/]+)/download/([^/]+)/([^/]+)`),
      async ([, version = "", os = "", arch = ""]) => download(packages, await open(), { version, os, arch }),
    ],
    [exactly(`${mirror}${address.host}/${own}/index.json`), async () => mirrorIndex(packages.all())],
    [exactly(`${mirror}${address.host}/${own}/([^/]+)\\.json`), ([, version = ""]) => mirrorVersion(packages, version)],
    [exactly(`${files}([^/]+)_SHA256SUMS`), async ([, of = ""]) => sums(packages, of)],
    [exactly(`${files}([^/]+)_SHA256SUMS\\.sig`), async ([, of = ""]) => signature(packages, of, await open())],
    [exactly(`${files}([^/]+\\.zip)`), async ([, file = ""]) => content(packages, file)],
  ];
  return ({ method, url }) => {
    if (method !== "GET" && method !== "HEAD") return undefined;
    for (const [pattern, answer] of routes) {
      const match = pattern.exec(url.pathname);
      if (match !== null) return answer(match);
    }
    return undefined;
  };
}

const exactly = (path: string) => new RegExp(`^${path.replaceAll("/", "\\/")}$`);
const listed = (body: unknown) => jsonAnswer(200, body, { "cache-control": soon });

/** As the registry protocol tells errors. */
function missing(what: string): WebAnswer {
  const advice = "packages are made by `npm run package`, and served from the folder of --provider-packages";
  return jsonAnswer(404, { errors: [`there is no ${what} here; ${advice}`] });
}

function versionsOf(packages: readonly Package[]) {
  const byVersion = Map.groupBy(packages, ({ version }) => version);
  return [...byVersion].map(([version, of]) => ({
    version,
    protocols,
    platforms: of.map(({ os, arch }) => ({ os, arch })),
  }));
}

const prefix = (version: string) => `terraform-provider-photoncloud_${version}`;

async function download(packages: Packages, signer: Signer, of: Pick<Package, "version" | "os" | "arch">) {
  const { version, os, arch } = of;
  const found = packages.all().find((one) => one.version === version && one.os === os && one.arch === arch);
  if (found === undefined) return missing(`version ${version} for ${os}_${arch}`);
  return listed({
    protocols,
    os,
    arch,
    filename: found.file,
    download_url: `${files}${found.file}`,
    shasums_url: `${files}${prefix(version)}_SHA256SUMS`,
    shasums_signature_url: `${files}${prefix(version)}_SHA256SUMS.sig`,
    shasum: await packages.sha256(found),
    signing_keys: { gpg_public_keys: [{ key_id: signer.keyId, ascii_armor: signer.publicKey }] },
  });
}

const mirrorIndex = (all: readonly Package[]) =>
  listed({ versions: Object.fromEntries(all.map(({ version }) => [version, {}])) });

async function mirrorVersion(packages: Packages, version: string): Promise<WebAnswer> {
  const found = packages.all().filter((one) => one.version === version);
  if (found.length === 0) return missing(`version ${version}`);
  const archives = await Promise.all(
    found.map(async (one) => {
      const hashes = [`zh:${await packages.sha256(one)}`];
      return [`${one.os}_${one.arch}`, { url: `${files}${one.file}`, hashes }] as const;
    }),
  );
  return listed({ archives: Object.fromEntries(archives) });
}

const versionIn = (name: string) => name.slice(prefix("").length);

async function sums(packages: Packages, of: string): Promise<WebAnswer> {
  const body = await packages.sums(versionIn(of));
  if (body === "" || !of.startsWith(prefix(""))) return missing(`${of}_SHA256SUMS`);
  return { status: 200, headers: { "content-type": "text/plain", "cache-control": soon }, body };
}

async function signature(packages: Packages, of: string, signer: Signer): Promise<WebAnswer> {
  const signed = await packages.sums(versionIn(of));
  if (signed === "" || !of.startsWith(prefix(""))) return missing(`${of}_SHA256SUMS.sig`);
  const bytes = await signer.sign(signed);
  const headers = { "content-type": "application/octet-stream", "cache-control": soon };
  return { status: 200, headers, body: Readable.from([bytes]) };
}

async function content(packages: Packages, file: string): Promise<WebAnswer> {
  const found = packages.all().find((one) => one.file === file);
  if (found === undefined) return missing(`package ${file}`);
  const headers = { "content-type": "application/zip", "content-length": String(found.sizeBytes) };
  return {
    status: 200,
    headers: { ...headers, "cache-control": forever },
    body: createReadStream(found.path),
  };
}
