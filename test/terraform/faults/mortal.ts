// A provider that can be killed between any two calls: what it had in memory is gone, what it sends no more is never sent, and its files stay.
import { existsSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Method } from "@photoncloud/proto";
import type { Cloud, Terms } from "../../../provider/src/cloud.ts";
import { Journal } from "../../../provider/src/journal.ts";
import type { JsonObject } from "../../../provider/src/json-object.ts";
import { grpcServer } from "../../../provider/src/plugin/grpc.ts";
import { providerMethods } from "../../../provider/src/plugin/provider-methods.ts";
import { listen } from "../../../provider/src/plugin/serve.ts";
import { createProvider } from "../../../provider/src/provider.ts";
import { type Connection, SdkCloud } from "../../../provider/src/sdk-cloud.ts";
import { PlayedTerraform } from "../played.ts";
import { environment, type Login } from "../workspace.ts";

/** Where one of the parties dies: at a call of the provider's to the cloud, counted from 0. */
export interface Death {
  /** The server dies when it has done the work, before it answers. */
  readonly of: "provider" | "server";
  readonly call: number;
  /** Before the cloud has seen the call, or after it did the work and before the answer arrived. */
  readonly when: "before" | "after";
}

/** A process id that no process has: the most that Linux gives is 4194304. */
const nobody = 4_999_999;

export class Killed extends Error {
  override readonly name = "Killed";
}

/** The way to the cloud, on which a party dies once. */
class MortalCloud implements Cloud {
  readonly #death: Death | undefined;
  /** Of each call that was made, whether it changes something. */
  readonly calls: boolean[] = [];
  /** Rejects when the death has come, and what hangs since then when the process is gone. */
  readonly died = Promise.withResolvers<never>();
  readonly #gone = Promise.withResolvers<never>();
  #cloud: Cloud | undefined;
  #dead = false;

  constructor(death: Death | undefined) {
    this.#death = death;
    for (const { promise } of [this.died, this.#gone]) promise.catch(() => undefined);
  }

  connect(connection: Connection): Cloud {
    this.#cloud = new SdkCloud(connection);
    return this;
  }

  async call(method: Method, request: JsonObject, terms: Terms): Promise<JsonObject> {
    if (this.#dead || this.#cloud === undefined) return this.#gone.promise;
    this.calls.push(terms.idempotencyKey !== undefined);
    const hit = this.calls.length - 1 === this.#death?.call ? this.#death : undefined;
    if (hit?.when === "before") return this.#die();
    const answer = await this.#cloud.call(method, request, terms);
    if (hit === undefined) return answer;
    // Whoever lost the answer to a server that died asks again with the same terms, key and all.
    return hit.of === "server" ? this.#cloud.call(method, request, terms) : this.#die();
  }

  /** The process is gone: nothing waits any more. */
  bury(): void {
    this.#dead = true;
    this.#gone.reject(new Killed());
  }

  #die(): Promise<never> {
    this.#dead = true;
    this.died.reject(new Killed());
    return this.#gone.promise;
  }
}

/** One process of the provider with the Terraform that talks to it. */
export class Mortal {
  readonly terraform: PlayedTerraform;
  readonly #folder: string;
  readonly #server: ReturnType<typeof grpcServer>;
  readonly #journal: Journal;
  readonly #cloud: MortalCloud;

  private constructor(
    socket: string,
    folder: string,
    server: ReturnType<typeof grpcServer>,
    journal: Journal,
    cloud: MortalCloud,
  ) {
    this.terraform = new PlayedTerraform({ socket });
    this.#folder = folder;
    this.#server = server;
    this.#journal = journal;
    this.#cloud = cloud;
  }

  /** @param folder Of the journal and the socket. @param commandLine Terraform's. */
  static async start(
    login: Login,
    folder: string,
    death?: Death,
    commandLine: readonly string[] = [],
  ): Promise<Mortal> {
    const journal = new Journal(join(folder, "journal"));
    const cloud = new MortalCloud(death);
    const env = environment(login, "/dev/null");
    const connect = (to: Connection) => cloud.connect({ ...to, credentials: login.fresh ?? to.credentials });
    const surroundings = { env, journal: async () => journal, connect, commandLine: async () => commandLine };
    const server = grpcServer(providerMethods(createProvider(surroundings)), undefined);
    const mortal = new Mortal(await listen(server, folder), folder, server, journal, cloud);
    await mortal.terraform.configure();
    return mortal;
  }

  /** Rejects with Killed when the death has come. */
  get died(): Promise<never> {
    return this.#cloud.died.promise;
  }

  /** Of each call that went to the cloud, whether it changes something. */
  get calls(): readonly boolean[] {
    return this.#cloud.calls;
  }

  /** As SIGKILL does. */
  async kill(): Promise<void> {
    this.#close();
    await this.#journal.crash();
    this.#cloud.bury();
    const journals = join(this.#folder, "journal");
    const own = existsSync(journals) ? readdirSync(journals).filter((name) => name.startsWith(`${process.pid}-`)) : [];
    for (const name of own)
      renameSync(join(journals, name), join(journals, name.replace(/^\d+-\d+/, `${nobody}-${nobody}`)));
  }

  /** As Terraform does when it has written everything down. */
  shutdown(): void {
    this.#journal.close();
    this.#close();
  }

  #close(): void {
    this.terraform.close();
    this.#server.close();
  }
}
