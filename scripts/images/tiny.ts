// Builds the tiny guest image: Debian's cloud kernel and busybox on a disk that boots by BIOS. It gets its address by DHCP, serves a web
// page and reads its first-boot data; it boots in seconds without hardware virtualization. For tests and the demo; kept until these scripts change.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { cpio, type Entry } from "./cpio.ts";
import { keptImage, notInstalled, run } from "./kept.ts";

/** What the guest's kernel must be able to do; what these need comes with them. */
const modules = [
  "virtio_pci",
  "virtio_blk",
  "virtio_scsi",
  "virtio_net",
  "virtio_balloon",
  "virtio-rng",
  "virtio_console",
  "button",
  "evdev",
  "vfat",
  "nls_cp437",
  "nls_ascii",
  "sd_mod",
];

/**
 * Debian's packages that the build needs, each with a program of it. The guest's own programs are not installed but unpacked: the host may have
 * a busybox that needs libraries.
 */
const programs = {
  syslinux: "syslinux",
  mtools: "mcopy",
  dosfstools: "mkfs.vfat",
  "qemu-utils": "qemu-img",
} as const;
export const tinyImagePackages = Object.keys(programs);

const commandLine = "console=ttyS0 quiet panic=5 mitigations=off tsc=reliable no_timer_check nokaslr";

/** Why the image can't be built here; undefined: nothing that is known beforehand. */
export function tinyImageMissing(): string | undefined {
  const missing = notInstalled(programs);
  if (missing.length > 0) return `not installed: ${missing.join(" ")}`;
  return existsSync("/usr/bin/apt-get") ? undefined : "the guest's kernel comes from Debian's packages";
}

/** The package of the newest cloud kernel, by the machine's package lists. */
function kernelPackage(): string {
  const found = /Depends: (linux-image-\S+)/.exec(run("apt-cache", "depends", "linux-image-cloud-amd64"))?.[1];
  if (found === undefined) throw new Error("the package lists know no linux-image-cloud-amd64; run apt-get update");
  return found;
}

/** How often a download is tried: a mirror may be busy, and apt-get may end well without the file. */
const tries = 5;

/** Downloads a package into the folder. Answers its file. */
function download(name: string, dir: string): string {
  const words = ["download", "-q", "-o", "Acquire::Retries=3", name];
  let said = "";
  for (let i = 0; i < tries; i++) {
    const { stdout, stderr } = spawnSync("apt-get", words, { cwd: dir, encoding: "utf8" });
    const deb = readdirSync(dir).find((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
    if (deb !== undefined) return join(dir, deb);
    said = `${stdout}${stderr}`.trim();
  }
  throw new Error(`${name} could not be downloaded; apt-get said: ${said}`);
}

/** Downloads a package and unpacks it into the folder, without installing it. */
export function unpack(name: string, dir: string): void {
  run("dpkg-deb", "-x", download(name, dir), dir);
}

/** A module's file, and the names of what it needs, from its own ELF section. */
function moduleFiles(dir: string): ReadonlyMap<string, string> {
  const files = readdirSync(join(dir, "lib/modules"), { recursive: true, encoding: "utf8" });
  return new Map(
    files.filter((file) => file.endsWith(".ko")).map((file) => [nameOf(file), join(dir, "lib/modules", file)] as const),
  );
}

function nameOf(file: string): string {
  return (file.split("/").at(-1) ?? "").replace(/\.ko$/, "").replaceAll("-", "_");
}

function inOrder(files: ReadonlyMap<string, string>): readonly string[] {
  const order = new Set<string>();
  const visit = (name: string) => {
    const file = files.get(name);
    if (file === undefined || order.has(name)) return;
    const needs = /\0depends=([^\0]*)\0/.exec(readFileSync(file, "latin1"))?.[1] ?? "";
    for (const other of needs.split(",").filter(Boolean)) visit(other.replaceAll("-", "_"));
    order.add(name);
  };
  for (const name of modules) visit(name.replaceAll("-", "_"));
  return [...order];
}

function initrd(dir: string): Buffer {
  const files = moduleFiles(dir);
  const order = inOrder(files);
  const folder = (path: string): Entry => ({ path, mode: 0o040755 });
  const file = (path: string, data: Uint8Array): Entry => ({ path, mode: 0o100755, data });
  const own = (name: string) => readFileSync(join(import.meta.dirname, name));
  const loaded = order.map((name) => file(`modules/${name}.ko`, readFileSync(files.get(name) ?? "")));
  return cpio([
    ...["bin", "dev", "etc", "modules", "proc", "sys"].map(folder),
    file("init", own("tiny-init.sh")),
    file("bin/busybox", readFileSync(join(dir, "bin/busybox"))),
    file("bin/udhcpc-script", own("tiny-udhcpc.sh")),
    file("bin/agent", own("tiny-agent.sh")),
    file("modules/order", Buffer.from(order.map((name) => `${name}.ko`).join("\n"))),
    ...loaded,
  ]);
}

/** A FAT disk of 32 MiB without partitions, which boots by its own first sector. */
function bootDisk(dir: string, kernel: string, archive: Buffer): string {
  const disk = join(dir, "disk.raw");
  writeFileSync(join(dir, "initrd.gz"), gzipSync(archive, { level: 9 }));
  const config = `DEFAULT tiny\nPROMPT 0\nTIMEOUT 0\nLABEL tiny\n  KERNEL /vmlinuz\n  INITRD /initrd.gz\n  APPEND ${commandLine}\n`;
  writeFileSync(join(dir, "syslinux.cfg"), config);
  run("mkfs.vfat", "-C", "-n", "TINY", disk, "32768");
  run("mcopy", "-i", disk, kernel, "::vmlinuz");
  run("mcopy", "-i", disk, join(dir, "initrd.gz"), join(dir, "syslinux.cfg"), "::");
  run("syslinux", "--install", disk);
  return disk;
}

/**
 * Answers the image's file in `dir`, building it if it is not there; of several processes that ask at the same time, one builds it.
 *
 * @throws Error if a program or the kernel's package is missing.
 */
export function tinyImage(dir: string): string {
  const scripts = ["tiny-init.sh", "tiny-udhcpc.sh", "tiny-agent.sh"];
  return keptImage({ name: "tiny", sources: ["tiny.ts", "kept.ts", "cpio.ts", ...scripts], build }, dir);
}

function build(work: string): string {
  const missing = tinyImageMissing();
  if (missing !== undefined) throw new Error(`the tiny image can't be built: ${missing}`);
  for (const name of [kernelPackage(), "busybox-static"]) unpack(name, work);
  const [vmlinuz] = readdirSync(join(work, "boot")).filter((file) => file.startsWith("vmlinuz"));
  const disk = bootDisk(work, join(work, "boot", vmlinuz ?? ""), initrd(work));
  const made = join(work, "tiny.qcow2");
  run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", disk, made);
  return made;
}

if (process.argv[1] === import.meta.filename) console.log(tinyImage(process.argv[2] ?? ".photon/images"));
