// The flake is parsed by Nix itself where it is installed; CI installs it (Debian: nix-bin).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

const flake = join(import.meta.dirname, "../../nix/flake.nix");
const installed = spawnSync("nix-instantiate", ["--version"]).status === 0;
const when = installed ? test : test.skip;

when(`nix/flake.nix parses${installed ? "" : " (skipped: nix-instantiate is not installed)"}`, () => {
  const run = spawnSync("nix-instantiate", ["--parse", flake], { encoding: "utf8" });
  expect({ status: run.status, said: run.status === 0 ? "" : run.stderr }).toEqual({ status: 0, said: "" });
});
