// What most tests of the provider play on: a cloud, a login, and the provider in the test's own process. All that was opened on it goes with it.
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { PlayedTerraform } from "./played.ts";
import { type Reattached, reattach } from "./reattached.ts";
import { type Login, Workspace } from "./workspace.ts";

type LogIn = (cloud: TestCloud) => Promise<Login>;

/** Logs in as a tenant's service account. Its org and project are made where they are not there. */
export function as(orgId: string, projectId: string): LogIn {
  return async (cloud) => ({ ...(await cloud.tenant(orgId, projectId)), url: cloud.url });
}

export class Stage {
  readonly cloud: TestCloud;
  readonly login: Login;
  /** A played one. The provider is not configured yet. */
  readonly terraform: PlayedTerraform;
  readonly #provider: Reattached;
  readonly #opened: { close(): void }[] = [];

  private constructor(cloud: TestCloud, login: Login, provider: Reattached) {
    this.cloud = cloud;
    this.login = login;
    this.#provider = provider;
    this.terraform = new PlayedTerraform(provider);
  }

  /** @param logIn whose plans and applies they are: `as` of a tenant, or `administrator`. */
  static async set(logIn: LogIn): Promise<Stage> {
    const cloud = await startTestCloud();
    const login = await logIn(cloud);
    return new Stage(cloud, login, await reattach(login));
  }

  /** A Terraform working directory with this configuration. */
  async open(hcl = ""): Promise<Workspace> {
    return this.#mine(await Workspace.open(this.login, hcl, this.#provider.env));
  }

  /** The same with a provider of its own, which logs in otherwise where the login says so. */
  async openApart(hcl: string, login: Partial<Login> = {}): Promise<Workspace> {
    const other = { ...this.login, ...login };
    const provider = this.#mine(await reattach(other));
    return this.#mine(await Workspace.open(other, hcl, provider.env));
  }

  /** Takes down what was opened. */
  clear(): void {
    for (const one of this.#opened.splice(0).reverse()) one.close();
  }

  async close(): Promise<void> {
    this.clear();
    this.terraform.close();
    this.#provider.close();
    await this.cloud.stop();
  }

  #mine<T extends { close(): void }>(one: T): T {
    this.#opened.push(one);
    return one;
  }
}
