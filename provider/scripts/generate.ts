// Writes src/plugin/gen from proto/tfplugin6.proto by buf and ts-proto. Run from the repository's root.
import { execFileSync } from "node:child_process";

const options = [
  "outputServices=generic-definitions",
  "env=node",
  "oneof=unions-value",
  "outputJsonMethods=false",
  "outputPartialMethods=true",
  "enumsAsLiterals=true",
  "unrecognizedEnum=false",
  "useExactTypes=false",
  "esModuleInterop=true",
  "importSuffix=.ts",
];
const template = {
  version: "v2",
  clean: true,
  plugins: [{ local: "protoc-gen-ts_proto", out: "provider/src/plugin/gen", opt: options }],
};

/** Generates the types of the plugin protocol. */
export function generatePluginTypes(): void {
  const args = ["generate", "provider/proto", "--template", JSON.stringify(template)];
  execFileSync(process.execPath, ["node_modules/.bin/buf", ...args], { stdio: "inherit" });
}

if (import.meta.main) generatePluginTypes();
