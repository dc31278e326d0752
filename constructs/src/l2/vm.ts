// A virtual machine with its port and, unless it is given others, a security group of its own.
import { Construct } from "constructs";
import { type TfFlavor, type TfImage, TfPort, TfVm } from "../l1/gen/index.ts";
import { nameOf } from "./names.ts";
import { type Connectable, type Connections, SecurityGroup } from "./security-group.ts";
import type { Subnet } from "./vpc.ts";

/** How much of a host a machine gets. */
export interface Size {
  /** Virtual CPUs. */
  readonly cpu: number;
  /** In MiB. */
  readonly memory: number;
}

/** Sizes with names. Any other is written out: `{ cpu: 3, memory: 1536 }`. */
export const Sizes = {
  nano: { cpu: 1, memory: 256 },
  micro: { cpu: 1, memory: 512 },
  small: { cpu: 1, memory: 1024 },
  medium: { cpu: 2, memory: 4096 },
  large: { cpu: 4, memory: 8192 },
  xlarge: { cpu: 8, memory: 16384 },
} as const satisfies Record<string, Size>;

export interface VmProps {
  /** Where its main network interface is. */
  readonly subnet: Subnet;
  /** What it starts from: an image's id, or an image of this program. */
  readonly image: string | TfImage;
  /** @default Sizes.small, unless it has a flavor */
  readonly size?: Size | keyof typeof Sizes;
  /** A size that the cloud knows by name, in the place of `size`: a flavor's id, or a flavor of this program. @default - none */
  readonly flavor?: string | TfFlavor;
  /** @default - from the construct's path */
  readonly name?: string;
  /** Its address inside the subnet. A change forces replacement. @default - the next free one */
  readonly ipAddress?: string;
  /** Whether it forwards packets of others (a router, a VPN): then routes may lead through it. @default false */
  readonly forwarding?: boolean;
  /** What filters its packets. @default - a security group of its own, which `connections` speaks of */
  readonly securityGroups?: readonly [SecurityGroup, ...SecurityGroup[]];
  /** The root disk, in GiB. It may grow, never shrink. @default - as large as the image wants */
  readonly rootDiskGib?: number;
  /** Told to the guest at its first boot (cloud-init). @default - none */
  readonly userData?: string;
  /** OpenSSH public keys that its first user gets at its first boot. @default - none */
  readonly sshKeys?: readonly string[];
  /** When it is started again after it has ended by itself: ever, when it died, or never. @default "always" */
  readonly restart?: "always" | "on-failure" | "never";
  /** Whether it is kept from being deleted and replaced. @default false */
  readonly protect?: boolean;
  /** Whether it should run. @default "running" */
  readonly powerState?: "running" | "stopped";
  /** @default - none */
  readonly labels?: Readonly<Record<string, string>>;
}

const restartPolicies = { always: "always", "on-failure": "on_failure", never: "never" } as const;

/** @throws Error if a size and a flavor are given. */
function sizeOf({ size, flavor }: VmProps): Size | { readonly flavorId: string } {
  if (flavor === undefined) return typeof size === "object" ? size : Sizes[size ?? "small"];
  if (size !== undefined) throw new Error("a VM has a size or a flavor, not both: leave out one of the two");
  return { flavorId: typeof flavor === "string" ? flavor : flavor.id };
}

/** A virtual machine. */
export class Vm extends Construct implements Connectable {
  readonly resource: TfVm;
  readonly port: TfPort;
  readonly connections: Connections;
  /** Whether routes may lead through it. */
  readonly forwards: boolean;

  constructor(scope: Construct, id: string, props: VmProps) {
    super(scope, id);
    const name = props.name ?? nameOf(this);
    const groups = props.securityGroups ?? [new SecurityGroup(this, "SecurityGroup", { name })];
    this.connections = groups[0].connections;
    this.forwards = props.forwarding ?? false;
    this.port = new TfPort(this, "Port", {
      name,
      subnetId: props.subnet.subnetId,
      securityGroupIds: groups.map((group) => group.securityGroupId),
      ...(props.ipAddress === undefined ? {} : { ipAddress: props.ipAddress }),
      ...(props.forwarding === undefined ? {} : { forwarding: props.forwarding }),
    });
    this.resource = new TfVm(this, "Resource", {
      name,
      ...(props.labels === undefined ? {} : { labels: props.labels }),
      ...(props.powerState === undefined ? {} : { powerState: props.powerState }),
      ...(props.protect === undefined ? {} : { deletionProtection: props.protect }),
      spec: {
        ...sizeOf(props),
        imageId: typeof props.image === "string" ? props.image : props.image.id,
        ...(props.rootDiskGib === undefined ? {} : { disks: [{ id: "root", sizeGib: props.rootDiskGib }] }),
        network: [{ id: "eth0", portId: this.port.id }],
        ...(props.userData === undefined ? {} : { userData: props.userData }),
        ...(props.sshKeys === undefined ? {} : { sshKeys: [...props.sshKeys] }),
        ...(props.restart === undefined ? {} : { restartPolicy: restartPolicies[props.restart] }),
      },
    });
  }

  /** Its id, known when it is deployed. */
  get vmId(): string {
    return this.resource.id;
  }

  /** Its address, known when it is deployed. */
  get ipAddress(): string {
    return this.port.ipAddress;
  }
}
