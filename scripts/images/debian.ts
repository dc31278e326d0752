// Builds a Debian 12 cloud image from Debian's packages: cloud-init, OpenSSH and the guest's agent on a disk that boots by BIOS. No loop device and no
// root file system is mounted for it. Takes minutes; kept until this script changes. `node scripts/images/debian.ts FOLDER`.
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { keptImage, notInstalled, run } from "./kept.ts";

/** What the image is made of; the rest comes with them. */
const packages = [
  ...["linux-image-cloud-amd64", "systemd-sysv", "systemd-resolved", "udev", "dbus", "e2fsprogs", "fdisk"],
  ...["cloud-init", "cloud-guest-utils", "netplan.io", "isc-dhcp-client", "qemu-guest-agent"],
  ...["openssh-server", "sudo", "ca-certificates", "iproute2", "iputils-ping", "procps", "less", "vim-tiny"],
];

/** Debian's packages that the build needs, each with a program or a file of it. */
const needed = {
  mmdebstrap: "mmdebstrap",
  e2fsprogs: "mke2fs",
  "grub-common": "grub-mkimage",
  "grub-pc-bin": "/usr/lib/grub/i386-pc/boot.img",
  "qemu-utils": "qemu-img",
} as const;

/** Why the image can't be built here; undefined: nothing that is known beforehand. */
export function debianImageMissing(): string | undefined {
  const missing = notInstalled(needed);
  if (missing.length > 0) return `not installed: ${missing.join(" ")}`;
  return process.getuid?.() === 0 ? undefined : "its files belong to root, who alone can make them";
}

const mib = 1024 ** 2;
const sectorBytes = 512;
/** What built-in image debian-12 says that a disk must have at least. */
const diskBytes = 2048 * mib;
/** Where partitions begin by custom; before it there is room for the boot loader. */
const firstSector = 2048;
const label = "debian";

/** In Debian a kernel's update moves these links. */
const bootMenu = `search --no-floppy --label --set=root ${label}
linux /vmlinuz root=LABEL=${label} ro console=tty0 console=ttyS0,115200
initrd /initrd.img
boot
`;

/**
 * Where cloud-init looks for what the cloud tells: on the seed's disk, then at the metadata service. A locale that has to be made and a swap that
 * nobody asked for cost time at the first boot.
 */
const cloudSettings = `datasource_list: [ NoCloud, Ec2, None ]
locale: C.UTF-8
`;

const configuration: Readonly<Record<string, string>> = {
  "etc/cloud/cloud.cfg.d/90_dpkg.cfg": cloudSettings,
  "etc/hostname": "localhost\n",
};

/** A tree of what is installed. */
function debianTree(work: string): string {
  const tree = join(work, "root");
  const without = ["man", "locale", "doc"].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  const fstab = `--essential-hook=echo 'LABEL=${label} / ext4 errors=remount-ro 0 1' > "$1/etc/fstab"`;
  const what = ["--variant=minbase", "--components=main", `--include=${packages.join(",")}`];
  run("mmdebstrap", "--quiet", ...what, ...without, fstab, "bookworm", tree);
  return tree;
}

function configure(tree: string): void {
  for (const [path, text] of Object.entries(configuration)) {
    mkdirSync(join(tree, path, ".."), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  // Every machine makes its own.
  const keys = readdirSync(join(tree, "etc/ssh")).filter((name) => name.startsWith("ssh_host_"));
  for (const name of keys) rmSync(join(tree, "etc/ssh", name));
  // Empty, it is filled by the first boot, which does not go through all units anew as where it is missing.
  writeFileSync(join(tree, "etc/machine-id"), "");
}

/** One Linux partition that takes the whole disk and is active (the classic table: "Partition Types", sector 0 from byte 446 on). */
function partitionEntry(): Buffer {
  const entry = Buffer.alloc(16);
  entry.writeUInt8(0x80, 0);
  entry.writeUInt8(0x83, 4);
  entry.writeUInt32LE(firstSector, 8);
  entry.writeUInt32LE(diskBytes / sectorBytes - firstSector, 12);
  return entry;
}

/** GRUB in the first sector and behind it, where its own first part looks for the rest by default. */
function bootLoader(work: string): readonly { readonly at: number; readonly bytes: Buffer }[] {
  const [core, menu] = [join(work, "core.img"), join(work, "boot-loader.cfg")];
  writeFileSync(menu, bootMenu);
  const modules = ["biosdisk", "part_msdos", "ext2", "search", "search_label", "linux", "normal"];
  run("grub-mkimage", "-O", "i386-pc", "-p", "/boot/grub", "-c", menu, "-o", core, ...modules);
  return [
    { at: 0, bytes: readFileSync("/usr/lib/grub/i386-pc/boot.img").subarray(0, 440) },
    { at: sectorBytes, bytes: readFileSync(core) },
  ];
}

function disk(work: string, tree: string): string {
  const raw = join(work, "disk.raw");
  writeFileSync(raw, "");
  truncateSync(raw, diskBytes);
  const kib = diskBytes / 1024 - (firstSector * sectorBytes) / 1024;
  const where = `offset=${firstSector * sectorBytes}`;
  run("mke2fs", "-q", "-t", "ext4", "-L", label, "-E", where, "-d", tree, raw, `${kib}k`);
  const parts = [
    ...bootLoader(work),
    { at: 446, bytes: partitionEntry() },
    { at: 510, bytes: Buffer.from([0x55, 0xaa]) },
  ];
  const file = openSync(raw, "r+");
  for (const { at, bytes } of parts) writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
  return raw;
}

function build(work: string): string {
  const missing = debianImageMissing();
  if (missing !== undefined) throw new Error(`the Debian image can't be built: ${missing}`);
  const tree = debianTree(work);
  configure(tree);
  const raw = disk(work, tree);
  const made = join(work, "debian-12.qcow2");
  run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", raw, made);
  return made;
}

/**
 * Answers the image's file in `dir`, building it if it is not there.
 *
 * @throws Error if a program is missing or the packages can't be had.
 */
export function debianImage(dir: string): string {
  return keptImage({ name: "debian-12", sources: ["debian.ts", "kept.ts"], build }, dir);
}

if (process.argv[1] === import.meta.filename) console.log(debianImage(process.argv[2] ?? ".photon/images"));
