// The executable: says hello to Terraform first, and loads the provider while Terraform connects.
import type { Journal } from "./journal.ts";
import { readInvitation } from "./plugin/handshake.ts";
import { GrpcError, type Method, type Methods, status } from "./plugin/method.ts";
import { servePlugin } from "./plugin/serve.ts";

type Parts = typeof import("./parts.ts");

// The build puts these in; run from its source, the provider has none of them.
/** Whether the other two are there. */
declare const PHOTON_PACKED: boolean | undefined;
/** parts.ts and all that it needs, for unpack.ts. */
declare const PHOTON_PARTS: string;
/** Answers in base64, by path: the process that is asked for the schemas alone loads nothing more. */
declare const PHOTON_ANSWERS: Readonly<Record<string, string>>;

async function loadParts(): Promise<Parts> {
  if (typeof PHOTON_PACKED === "undefined") return import("./parts.ts");
  const { unpack } = await import("./unpack.ts");
  // The build packs exactly parts.ts.
  return (await unpack(PHOTON_PARTS)) as Parts;
}

let journal: Journal | undefined;

async function loadMethods(): Promise<Methods> {
  const parts = await loadParts();
  const openJournal = async () => {
    journal ??= new parts.Journal(await parts.journalDirectory(process.cwd(), process.env));
    return journal;
  };
  return parts.providerMethods(parts.createProvider({ env: process.env, journal: openJournal }));
}

let loading: Promise<Methods> | undefined;

/** Answers any path, by loading the provider at the first call that needs it. */
function method(path: string): Method | undefined {
  const fixed = typeof PHOTON_PACKED === "undefined" ? undefined : PHOTON_ANSWERS[path];
  if (fixed !== undefined) return async () => Buffer.from(fixed, "base64");
  if (!path.startsWith("/tfplugin6.Provider/")) return undefined;
  return async (request, signal) => {
    loading ??= loadMethods();
    const found = (await loading).get(path);
    if (found === undefined) throw new GrpcError(status.unimplemented, `no method ${path}`);
    return found(request, signal);
  };
}

/** After the handshake Terraform shows what follows "panic: " as a crash report. */
function crash(error: unknown): void {
  process.stderr.write(`panic: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const invitation = readInvitation(process.env);
  await servePlugin(invitation, { get: method }, () => journal?.close());
  process.on("uncaughtException", crash).on("unhandledRejection", crash);
}

main().catch((error: unknown) => {
  // Before the handshake this line on stdout is the one thing of ours that Terraform shows.
  const sentence = `${error instanceof Error ? error.message : String(error)}\n`;
  if (process.env.PLUGIN_PROTOCOL_VERSIONS === undefined) process.stderr.write(sentence);
  else process.stdout.write(sentence);
  process.exitCode = 1;
});
