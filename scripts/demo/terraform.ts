// Finds Terraform or OpenTofu.
import { spawnSync } from "node:child_process";

/** The name of the program that is on PATH, "terraform" before "tofu"; undefined: neither. */
export function findTerraform(): "terraform" | "tofu" | undefined {
  return (["terraform", "tofu"] as const).find(
    (name) => spawnSync(name, ["version"], { stdio: "ignore" }).status === 0,
  );
}

/** What to tell someone who has neither. */
export const howToInstallTerraform =
  "Neither terraform nor tofu is on PATH. Install one of them and run this again:\n" +
  "  OpenTofu   https://opentofu.org/docs/intro/install/\n" +
  "  Terraform  https://developer.hashicorp.com/terraform/install (1.11 or newer)";
