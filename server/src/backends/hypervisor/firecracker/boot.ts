// What a microVM is made of: the arguments of its process, and the requests that describe it, in the order in which they are made. All of them come
// before the start; Firecracker refuses them later.
import type { MachineSpec } from "../driver.ts";
import type { ApiRequest } from "./api.ts";
import { deviceIdOf, type MicrovmFiles, processIdOf } from "./layout.ts";

/** What a microVM boots: no firmware looks for one on its disks. */
export interface Kernel {
  /** An uncompressed ELF file (vmlinux) with virtio over MMIO built in, readable by every user. */
  readonly image: string;
  readonly initrd?: string;
  /** Default: the serial console, and an end of the machine where a guest reboots. With a "root=" of its own, the first disk is not taken as a whole. */
  readonly arguments?: string;
}

/** What a microVM is started with. */
export interface Boot {
  readonly spec: MachineSpec;
  readonly files: MicrovmFiles;
  readonly kernel: Kernel;
  /** The host's devices, by NIC. */
  readonly taps: ReadonlyMap<string, string>;
}

/** A reboot ends the process (reboot=k, by the keyboard's controller, which is also how it is asked to shut down); a kernel that panics reboots. */
export const defaultArguments = "console=ttyS0 reboot=k panic=1 i8042.noaux i8042.nomux i8042.dumbkbd";

export function processArguments(vmId: string, files: MicrovmFiles): readonly string[] {
  return ["--api-sock", files.api, "--id", processIdOf(vmId), "--log-path", files.log, "--level", "Info"];
}

export function bootRequests(boot: Boot): readonly ApiRequest[] {
  const { spec, files } = boot;
  return [
    put("/metrics", { metrics_path: files.metrics }, "the counters"),
    put("/machine-config", { vcpu_count: spec.cpu, mem_size_mib: spec.memoryMib }, "the processors and memory"),
    bootSource(boot.kernel),
    ...spec.disks.map((_, i) => disk(boot, i)),
    seed(files),
    ...spec.nics.map((nic) => networkInterface(boot, nic)),
    put("/entropy", {}, "the source of entropy"),
    { ...action("InstanceStart"), about: "the start" },
  ];
}

export function action(type: "InstanceStart" | "SendCtrlAltDel" | "FlushMetrics"): ApiRequest {
  return put("/actions", { action_type: type }, type);
}

/** Lets a running one see how large a disk's file has become. */
export function diskGrew(files: MicrovmFiles, id: string): ApiRequest {
  const drive = deviceIdOf("disk", id);
  const body = { drive_id: drive, path_on_host: files.disk(id) };
  return { method: "PATCH", path: `/drives/${drive}`, body, about: `disk ${id}` };
}

export const describe: ApiRequest = { method: "GET", path: "/", about: "the state" };

function put(path: string, body: object, about: string): ApiRequest {
  return { method: "PUT", path, body, about };
}

function bootSource({ image, initrd, arguments: bootArguments = defaultArguments }: Kernel): ApiRequest {
  const more = initrd === undefined ? {} : { initrd_path: initrd };
  return put("/boot-source", { kernel_image_path: image, boot_args: bootArguments, ...more }, "the kernel");
}

function disk({ spec, files, kernel }: Boot, index: number): ApiRequest {
  const id = spec.disks[index]?.id ?? "";
  const drive = deviceIdOf("disk", id);
  const ownRoot = /(^|\s)root=/.test(kernel.arguments ?? "");
  const body = {
    drive_id: drive,
    path_on_host: files.disk(id),
    is_root_device: index === 0 && !ownRoot,
    is_read_only: false,
    // A guest's flush reaches the host's disk; the default ignores it.
    cache_type: "Writeback",
  };
  return put(`/drives/${drive}`, body, `disk ${id}`);
}

/** The last disk, so that the root disk is the first that the guest sees. */
function seed(files: MicrovmFiles): ApiRequest {
  const body = { drive_id: "seed", path_on_host: files.seed, is_root_device: false, is_read_only: true };
  return put("/drives/seed", body, "the seed");
}

function networkInterface({ taps }: Boot, { id, macAddress }: MachineSpec["nics"][number]): ApiRequest {
  const nic = deviceIdOf("nic", id);
  const body = { iface_id: nic, host_dev_name: taps.get(id) ?? "", guest_mac: macAddress };
  return put(`/network-interfaces/${nic}`, body, `interface ${id}`);
}
