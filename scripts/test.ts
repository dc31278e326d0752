// `npm test`: sets up what the tests need, runs every one of them by name, and ends with the count on a line of its own.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { dropbearDisk } from "./images/dropbear.ts";
import { tinyImage } from "./images/tiny.ts";
import { jest, node, quietly, root, show } from "./steps.ts";
import { type Results, type Verdict, verdictOf } from "./verdict.ts";

const ci = process.env.CI === "true";

/** What the packages of npm do not bring: something that is there once it is installed, and Debian's packages. */
const needs = [
  { name: "PostgreSQL", file: "/usr/lib/postgresql/15/bin/postgres", packages: ["postgresql-15"] },
  { name: "OVN", file: "/usr/bin/ovn-controller", packages: ["ovn-central", "ovn-host", "openvswitch-switch"] },
  { name: "ip", file: "/sbin/ip", packages: ["iproute2"] },
  { name: "ethtool", file: "/sbin/ethtool", packages: ["ethtool"] },
  { name: "ping", file: "/bin/ping", packages: ["iputils-ping"] },
  { name: "tcpdump", file: "/usr/bin/tcpdump", packages: ["tcpdump"] },
  { name: "busybox", file: "/bin/busybox", packages: ["busybox"] },
  { name: "QEMU", file: "/usr/bin/qemu-system-x86_64", packages: ["qemu-system-x86"] },
  { name: "qemu-img", file: "/usr/bin/qemu-img", packages: ["qemu-utils"] },
  { name: "syslinux", file: "/usr/bin/syslinux", packages: ["syslinux"] },
  { name: "mtools", file: "/usr/bin/mcopy", packages: ["mtools"] },
  { name: "mkfs.vfat", file: "/sbin/mkfs.vfat", packages: ["dosfstools"] },
];

/** Root on Debian gets what is missing; others are told how, and the tests that need it are skipped by name. */
function installNeeds(): void {
  const missing = needs.filter(({ file }) => !existsSync(file));
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(", ");
  const line = `apt-get install -y --no-install-recommends ${missing.flatMap(({ packages }) => packages).join(" ")}`;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    console.log(`not installed: ${names}; tests that need it will be skipped; to run them: sudo ${line}`);
    return;
  }
  console.log(`installing for the tests: ${names} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("sh", ["-c", `apt-get update -q && ${line}`], { stdio: ["ignore", "ignore", "inherit"], env });
}

/** Built before the first test asks, so that no test's patience is spent on it. */
function buildGuest(): void {
  try {
    for (const build of [tinyImage, dropbearDisk]) build(join(root, ".photon/images"));
  } catch (error) {
    console.log(`no guest for the tests: ${error instanceof Error ? error.message : error}`);
  }
}

installNeeds();
buildGuest();
const built = await quietly(node("build", "scripts/build.ts"));
if (!built) process.exit(1);
const file = join(root, ".photon/test-results.json");
mkdirSync(join(root, ".photon"), { recursive: true });
// So that no earlier run's are counted.
rmSync(file, { force: true });
const code = await show(
  jest("--verbose", "--json", `--outputFile=${file}`, "--maxWorkers=2", ...process.argv.slice(2)),
);
const results: Results | undefined = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
const verdict: Verdict =
  results === undefined ? { passed: false, lines: ["Jest told no results"] } : verdictOf(results, { code, ci });
process.exitCode = verdict.passed ? 0 : 1;
for (const line of verdict.lines) console.log(line);
