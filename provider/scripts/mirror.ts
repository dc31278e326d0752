// Lays the built provider out as Terraform looks for it: `node provider/scripts/mirror.ts DIR` prints the CLI configuration to use.
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { version } from "../src/version.ts";
import { buildProvider, builtProvider, executable, packageJson } from "./build.ts";

/** The provider's address, as `required_providers` names it. */
export const address = "registry.photoncloud.internal/photoncloud/photoncloud";

/** What `installMirror` made. */
export interface Mirror {
  /** For the environment variable TF_CLI_CONFIG_FILE. */
  readonly cliConfig: string;
  /** The directory of the mirror. */
  readonly mirror: string;
}

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64", ia32: "386" };

/** This machine, as Terraform names it: "linux_amd64". */
export const platform = `${process.platform === "win32" ? "windows" : process.platform}_${architectures[process.arch] ?? process.arch}`;

const mirrorConfig = (mirror: string) => `provider_installation {
  filesystem_mirror {
    path    = ${JSON.stringify(mirror)}
    include = ["registry.photoncloud.internal/*/*"]
  }
  direct {
    exclude = ["registry.photoncloud.internal/*/*"]
  }
}
`;

const overrideConfig = (directory: string) => `provider_installation {
  dev_overrides {
    ${JSON.stringify(address)} = ${JSON.stringify(directory)}
  }
  direct {}
}
`;

function write(path: string, content: string | Buffer): string {
  writeFileSync(path, content);
  return path;
}

/**
 * Makes an unpacked filesystem mirror under a directory, and the CLI configuration with which `terraform init` works from it.
 *
 * @param script Default: the built provider.
 */
export async function installMirror(directory: string, script?: string): Promise<Mirror> {
  const mirror = join(resolve(directory), "providers");
  const folder = join(mirror, address, version, platform);
  mkdirSync(folder, { recursive: true });
  write(join(folder, "package.json"), packageJson);
  chmodSync(write(join(folder, basename(executable)), script ?? (await builtProvider())), 0o755);
  return { mirror, cliConfig: write(join(resolve(directory), "terraform.tfrc"), mirrorConfig(mirror)) };
}

/** In development every answer is checked by the oracle, unless the environment says otherwise. */
const checkingScript = `#!/bin/sh
export PHOTON_PROVIDER_ORACLE="\${PHOTON_PROVIDER_ORACLE:-1}"
exec ${JSON.stringify(resolve(executable))} "$@"
`;

/** Writes a CLI configuration that runs the build where it lies, without `terraform init`, lock file or checksums. Answers its path. */
export function overrideWithBuild(directory: string): string {
  const folder = join(resolve(directory), "dev");
  mkdirSync(folder, { recursive: true });
  chmodSync(write(join(folder, "terraform-provider-photoncloud"), checkingScript), 0o755);
  return write(join(resolve(directory), "dev.tfrc"), overrideConfig(folder));
}

if (import.meta.main) {
  await buildProvider();
  const { cliConfig } = await installMirror(process.argv[2] ?? "provider/dist/mirror");
  console.log(`export TF_CLI_CONFIG_FILE=${cliConfig}`);
}
