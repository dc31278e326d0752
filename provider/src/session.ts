// What one provider process knows once it is configured: where the cloud is, the tenant, and what must end when Terraform says stop.
import type { Cloud } from "./cloud.ts";
import { isPlan } from "./command.ts";
import { Unknown } from "./cty/value.ts";
import { Problem, plainError } from "./diagnostics.ts";
import type { Journal } from "./journal.ts";
import { PermissionHints } from "./permission-hints.ts";
import { readAbsentMs } from "./presence.ts";
import type { PrivateState } from "./private-state.ts";
import type { Configuration } from "./provider-config.ts";
import { Reads } from "./reads.ts";
import { type Connection, SdkCloud } from "./sdk-cloud.ts";
import { isSerial, isTargeted, parentCommandLine } from "./targeted.ts";
import type { Tenant } from "./tenant.ts";
import { version } from "./version.ts";
import { Walk } from "./walk.ts";

/** What tests replace. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly journal: () => Promise<Journal>;
  readonly connect?: (connection: Connection) => Cloud;
  /** The command line of the Terraform that started this process. Default: the parent process's. */
  readonly commandLine?: () => Promise<readonly string[]>;
}

export class Session {
  readonly stop = new AbortController();
  readonly #surroundings: Surroundings;
  #configuration: Configuration | undefined;
  #terraform = "";
  #cloud: Cloud | undefined;
  #reads = new Reads();
  #walk = new Walk();
  #hints = new PermissionHints(() => this.cloud);
  #journal: Promise<Journal> | undefined;
  #interrupted: Promise<boolean> | undefined;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  async configure(configuration: Configuration, terraformVersion: string): Promise<void> {
    this.#configuration = configuration;
    this.#terraform = terraformVersion;
    this.#cloud = undefined;
    this.#reads = new Reads();
    this.#interrupted = undefined;
    this.#walk = new Walk();
    this.#hints = new PermissionHints(() => this.cloud);
    this.#walk.asking = configuration.planChecks;
    this.#walk.allowsDataLoss = configuration.allowsDataLoss;
    this.#walk.onlyPlans = isPlan(await this.#commandLine());
  }

  get reads(): Reads {
    return this.#reads;
  }

  get walk(): Walk {
    return this.#walk;
  }

  get hints(): PermissionHints {
    return this.#hints;
  }

  /** Before each change. */
  changing(): void {
    this.#reads.changing();
    this.#walk.applying = true;
  }

  get tenant(): Tenant {
    return { org: this.#configuration?.org, project: this.#configuration?.project };
  }

  /** How long a read is repeated where nobody listens; undefined: as long as it may take, since an apply goes on through a restart of the cloud. */
  get absentMs(): number | undefined {
    return this.#walk.applying ? undefined : readAbsentMs;
  }

  /** Where the cloud is; part of what makes two creations the same. */
  get endpoint(): string {
    const endpoint = this.#configuration?.endpoint;
    return typeof endpoint === "string" ? endpoint : "";
  }

  /** Whether it is known where the cloud is and who asks. */
  get connected(): boolean {
    const { endpoint, credentials, ca } = this.#configuration ?? {};
    const known = credentials !== undefined && !(credentials instanceof Unknown) && !(ca instanceof Unknown);
    return typeof endpoint === "string" && known;
  }

  /** @throws Problem where the configuration is not known yet */
  get cloud(): Cloud {
    this.#cloud ??= (this.#surroundings.connect ?? ((connection) => new SdkCloud(connection)))(this.#connection());
    return this.#cloud;
  }

  journal(): Promise<Journal> {
    this.#journal ??= this.#surroundings.journal();
    return this.#journal;
  }

  /** Whether creations wait to be taken up; the same throughout a walk. */
  interrupted(): Promise<boolean> {
    this.#interrupted ??= this.journal().then((journal) => journal.hasLeft());
    return this.#interrupted;
  }

  #commandLine(): Promise<readonly string[]> {
    return (this.#surroundings.commandLine ?? parentCommandLine)();
  }

  /** Whether Terraform was told to look at a part of the configuration, and so of the state, alone. */
  async isPartial(): Promise<boolean> {
    return isTargeted(this.#surroundings.env, await this.#commandLine());
  }

  /** Whether Terraform does one thing at a time: of what comes after it nothing is known, then. */
  async isSerial(): Promise<boolean> {
    return isSerial(this.#surroundings.env, await this.#commandLine());
  }

  /** Before a resource of the state is read or planned: what made it is taken up by no creation. */
  async holds({ key }: PrivateState): Promise<void> {
    if (key !== undefined && (await this.interrupted())) await (await this.journal()).holds(key);
  }

  #connection(): Connection {
    const { endpoint, credentials, ca, org } = this.#configuration ?? {};
    if (
      typeof endpoint !== "string" ||
      credentials === undefined ||
      credentials instanceof Unknown ||
      ca instanceof Unknown
    )
      throw new Problem([
        plainError(
          "The provider's configuration is not known yet",
          "It depends on a resource that does not exist yet. Apply that one first: terraform apply -target=…",
        ),
      ]);
    const userAgent = `Terraform/${this.#terraform || "unknown"} terraform-provider-photoncloud/${version}`;
    return { endpoint, credentials, ca, org: typeof org === "string" ? org : "", userAgent };
  }
}
