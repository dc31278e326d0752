// What stands in for a microVM: the rules of Firecracker's API that no single body shows, and a guest that says what it was given.
// Words among its kernel's arguments tell what it does: "deaf" ignores Ctrl+Alt+Del, "leave" shuts down by itself, "break" breaks Firecracker.
import { accessSync, appendFileSync, constants, readFileSync, statSync } from "node:fs";

/** A request that Firecracker refuses, in its own way. */
export class Fault extends Error {}

type Body = Readonly<Record<string, unknown>>;

interface Drive {
  readonly path: string;
  readonly root: boolean;
  sectors: number;
  /** Since the counters were flushed. */
  read: number;
  written: number;
}

export interface Surroundings {
  readonly id: string;
  /** The guest's serial console. */
  say(words: string): void;
  /** Firecracker's log. */
  log(words: string): void;
  end(code: number): void;
}

/** How long the guest takes to shut down, in milliseconds. */
const shutdownMs = 30;
/** How long one runs that leaves by itself. */
const leavesMs = 500;
/** Firecracker's exit code after an error that it can't name. */
const brokenCode = 1;

export class MicrovmModel {
  readonly #around: Surroundings;
  state: "Not started" | "Running" | "Paused" = "Not started";
  #machine: Body = { vcpu_count: 1, mem_size_mib: 128, smt: false, track_dirty_pages: false };
  #boot: Body | undefined;
  #metrics: string | undefined;
  #mmds: unknown = {};
  readonly #drives = new Map<string, Drive>();
  readonly #interfaces = new Map<string, Body>();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Answers a GET. */
  tell(path: string): object {
    const vmm_version = "1.13.0";
    if (path === "/version") return { firecracker_version: vmm_version };
    if (path === "/machine-config") return this.#machine;
    if (path === "/mmds") return Object(this.#mmds);
    return { id: this.#around.id, state: this.state, vmm_version, app_name: "Firecracker" };
  }

  /** Does what a PUT or PATCH says. @throws Fault */
  take(method: string, path: string, id: string, body: Body): void {
    const [, what] = path.split("/");
    if (what === "actions") this.#act(String(body.action_type));
    else if (what === "machine-config") this.#setMachine(body);
    else if (what === "boot-source") this.#setBoot(body);
    else if (what === "drives" && method === "PUT") this.#addDrive(id, body);
    else if (what === "drives") this.#reopen(id, body);
    else if (what === "network-interfaces" && method === "PUT") this.#addInterface(id, body);
    else if (what === "metrics") this.#setMetrics(String(body.metrics_path));
    else if (path === "/mmds") this.#mmds = body;
    else if (what === "vm") this.state = body.state === "Paused" ? "Paused" : "Running";
    else if (path === "/mmds/config") this.#setMetadata(body.network_interfaces);
    else if (path === "/snapshot/create") this.#takeSnapshot();
    else if (path === "/snapshot/load") this.#loadSnapshot(body.resume_vm === true);
  }

  /** The guest repeats what it hears, and obeys "write": its first disk has a sector more. */
  hear(words: string): void {
    this.#around.say(`heard ${words}`);
    const [first] = this.#drives.values();
    if (words === "write" && first !== undefined) first.written += 1;
  }

  #act(action: string): void {
    if (action === "InstanceStart") this.#start();
    else if (this.state === "Not started")
      throw new Fault("The requested operation is not supported before starting the microVM.");
    else if (action === "FlushMetrics") this.#flush();
    else if (!String(this.#boot?.boot_args).includes("deaf")) setTimeout(() => this.#leave(0), shutdownMs);
  }

  #leave(code: number): void {
    this.#around.log(
      code === 0
        ? "Firecracker exiting successfully. exit_code=0"
        : `Firecracker exiting with error. exit_code=${code}`,
    );
    this.#around.end(code);
  }

  #start(): void {
    if (this.state !== "Not started")
      throw new Fault("The requested operation is not supported after starting the microVM.");
    if (this.#boot === undefined)
      throw new Fault("Start microvm error: Cannot start microvm without kernel configuration.");
    this.state = "Running";
    for (const drive of this.#drives.values()) drive.read += 2;
    this.#around.say(`cpu=${this.#machine.vcpu_count} memory=${this.#machine.mem_size_mib}`);
    this.#around.say(`arguments=${this.#boot.boot_args}`);
    this.#around.say(`nics=${[...this.#interfaces.values()].map(({ guest_mac }) => guest_mac).join(",")}`);
    this.#sayDisks();
    this.#around.say("READY");
    const words = String(this.#boot.boot_args).split(" ");
    if (words.includes("break")) setTimeout(() => this.#leave(brokenCode), shutdownMs);
    if (words.includes("leave")) setTimeout(() => this.#leave(0), leavesMs);
  }

  /** In the order in which the guest sees them: the root first. */
  #sayDisks(): void {
    const ordered = [...this.#drives.values()].sort((a, b) => Number(b.root) - Number(a.root));
    this.#around.say(`disks=${ordered.map(({ sectors }) => sectors).join(",")}`);
  }

  #setMachine(body: Body): void {
    const next = { ...this.#machine, ...body };
    const [cpus, memory] = [Number(next.vcpu_count), Number(next.mem_size_mib)];
    if (cpus < 1 || cpus > 32) throw new Fault("Machine config error: The number of vCPUs must be between 1 and 32.");
    if (next.smt === true && cpus > 1 && cpus % 2 === 1)
      throw new Fault("Machine config error: With SMT the number of vCPUs must be 1 or even.");
    if (next.huge_pages === "2M" && memory % 2 === 1)
      throw new Fault("Machine config error: The memory size (MiB) is not a multiple of a huge page's.");
    if (memory < 1) throw new Fault("Machine config error: The memory size (MiB) is 0.");
    this.#machine = next;
  }

  #setBoot(body: Body): void {
    for (const name of ["kernel_image_path", "initrd_path"])
      if (typeof body[name] === "string")
        open(body[name], constants.R_OK, (why) => `Boot source error: The kernel file cannot be opened: ${why}`);
    this.#boot = { boot_args: "reboot=k panic=1 nomodule 8250.nr_uarts=0", ...body };
  }

  #addDrive(id: string, body: Body): void {
    same(id, body.drive_id);
    const root = body.is_root_device === true;
    if (root && [...this.#drives].some(([other, drive]) => drive.root && other !== id))
      throw new Fault("Drive config error: A root block device already exists!");
    if (typeof body.path_on_host !== "string" || body.is_read_only === undefined)
      throw new Fault("Drive config error: Unable to create the virtio block device: Invalid configuration");
    const sectors = sectorsOf(body.path_on_host, body.is_read_only === true);
    this.#drives.set(id, { path: body.path_on_host, root, sectors, read: 0, written: 0 });
  }

  #reopen(id: string, body: Body): void {
    same(id, body.drive_id);
    const drive = this.#drives.get(id);
    if (drive === undefined) throw new Fault("Drive config error: Unable to patch the block device: no such device");
    if (typeof body.path_on_host === "string") drive.sectors = sectorsOf(body.path_on_host, false);
    this.#sayDisks();
  }

  #addInterface(id: string, body: Body): void {
    same(id, body.iface_id);
    if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(String(body.guest_mac ?? "00:00:00:00:00:00")))
      throw new Fault(`invalid value: string ${JSON.stringify(body.guest_mac)}, expected a MAC address`);
    const twice = [...this.#interfaces].some(([other, one]) => other !== id && one.guest_mac === body.guest_mac);
    if (twice) throw new Fault(`Network config error: The MAC address is already in use: ${body.guest_mac}`);
    const devices = readFileSync("/proc/net/dev", "utf8");
    if (!devices.includes(`${body.host_dev_name}:`))
      throw new Fault(`Network config error: Open tap device failed: no device ${body.host_dev_name}`);
    this.#interfaces.set(id, body);
  }

  #setMetadata(interfaces: unknown): void {
    const known = Array.isArray(interfaces) && interfaces.every((one) => this.#interfaces.has(String(one)));
    if (!known) throw new Fault("MMDS config error: An ID does not correspond to any existing network interface.");
  }

  #takeSnapshot(): void {
    if (this.state !== "Paused") throw new Fault("Create snapshot error: The microVM must be paused.");
  }

  #loadSnapshot(resumes: boolean): void {
    if (this.#boot !== undefined || this.#drives.size > 0 || this.#interfaces.size > 0)
      throw new Fault("Loading a microVM snapshot not allowed after configuring boot-specific resources.");
    this.state = resumes ? "Running" : "Paused";
  }

  #setMetrics(path: string): void {
    if (this.#metrics !== undefined) throw new Fault("Metrics error: Reinitialization of metrics not allowed.");
    appendFileSync(path, "");
    this.#metrics = path;
  }

  #flush(): void {
    if (this.#metrics === undefined) return;
    const blocks = [...this.#drives].map(([id, { read, written }]) => [
      `block_${id}`,
      { read_bytes: read * 512, read_count: read, write_bytes: written * 512, write_count: written },
    ]);
    appendFileSync(
      this.#metrics,
      `${JSON.stringify({ utc_timestamp_ms: Date.now(), ...Object.fromEntries(blocks) })}\n`,
    );
    for (const drive of this.#drives.values()) Object.assign(drive, { read: 0, written: 0 });
  }
}

function same(inPath: string, inBody: unknown): void {
  if (inPath !== inBody) throw new Fault("The id from the path does not match the id from the body!");
}

function sectorsOf(path: string, readOnly: boolean): number {
  const mode = readOnly ? constants.R_OK : constants.R_OK | constants.W_OK;
  open(path, mode, (why) => `Drive config error: Unable to create the virtio block device: ${why} ${path}`);
  return statSync(path).size / 512;
}

function open(path: string, mode: number, fault: (why: string) => string): void {
  try {
    accessSync(path, mode);
  } catch {
    throw new Fault(fault("No such file or directory (os error 2)"));
  }
}
