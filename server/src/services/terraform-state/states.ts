// The states of a project as they are kept: encrypted under the master key where there is one, the last few versions of each, and who holds its lock.
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../fault.ts";
import type { Store, Tenant } from "../../store/store.ts";
import type { Sealing } from "../iam/tokens/sealing.ts";

/** Versions of a state that are kept, the newest among them: enough to go back over a bad day. */
const keptVersions = 10;
/** States of one project. */
const mostStates = 200;
const packed = promisify(gzip);
const unpacked = promisify(gunzip);

/** Names one state. */
export interface StateName {
  readonly tenant: Tenant;
  readonly name: string;
}

/** What is known of one version. */
export interface Version {
  readonly version: number;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly by: string;
  /** Where the content lies; drawn, so that of two writers neither touches what the other wrote. */
  readonly content: string;
}

/** A lock as Terraform tells it: its ID, and for people who holds it and why. */
export type Lock = Readonly<Record<string, unknown>> & { readonly ID: string };

interface StateRecord {
  /** The newest last; none before the first was written. */
  readonly versions: readonly Version[];
  readonly lock: Lock | null;
}

export type Held = { readonly held: Lock };
/** What a change came to: done, or somebody holds the lock, or nobody does who should. */
export type Outcome = "done" | "lost" | Held;

export interface StatesOptions {
  readonly store: Pick<Store, "records" | "get">;
  readonly sealing: Sealing;
  readonly clock: Clock;
}

const nothing: StateRecord = { versions: [], lock: null };

export class States {
  readonly #options: StatesOptions;

  constructor(options: StatesOptions) {
    this.#options = options;
  }

  /** What there is, without what is in it. @throws Fault NOT_FOUND */
  async list(tenant: Tenant): Promise<readonly (StateRecord & { readonly name: string })[]> {
    const rows = await this.#options.store.records.list(await this.#space(tenant));
    return rows.map(({ key, value }) => ({ name: key, ...parse(value) }));
  }

  /** The content of a version, by default of the newest; undefined: there is none. @throws Fault NOT_FOUND */
  async read(of: StateName, version?: number): Promise<string | undefined> {
    const { space, record } = await this.#get(of);
    const found = record.versions.findLast((one) => version === undefined || one.version === version);
    if (found === undefined) return undefined;
    const key = found.content;
    const row = await this.#options.store.records.get(`${space}/content`, key);
    if (row === undefined) return undefined;
    return (await unpacked(this.#options.sealing.open(row.value, `${space}/${key}`))).toString("utf8");
  }

  /** Seals what a project kept before there was a master key, one version at a time. @throws Fault NOT_FOUND */
  async sealPlain(tenant: Tenant): Promise<void> {
    const { store, sealing } = this.#options;
    const space = await this.#space(tenant);
    for (const { versions } of await this.list(tenant))
      for (const { content: key } of versions) {
        const row = await store.records.get(`${space}/content`, key);
        if (row === undefined || !sealing.isPlain(row.value)) continue;
        const name = `${space}/${key}`;
        const sealed = sealing.seal(sealing.open(row.value, name), name);
        await store.records.put(`${space}/content`, key, sealed, { expected: row.version });
      }
  }

  /** Writes a new version, if the lock is the writer's; `lockId` "": it holds none, and nobody else may. */
  async write(of: StateName, content: string, by: string, lockId: string): Promise<Outcome> {
    const { records } = this.#options.store;
    const { space, record } = await this.#get(of);
    if (record.versions.length === 0) await this.#leaveRoom(space, of.name);
    const next = (record.versions.at(-1)?.version ?? 0) + 1;
    const key = `${of.name}/${randomUUID()}`;
    const sealed = this.#options.sealing.seal(await packed(content), `${space}/${key}`);
    const version = {
      version: next,
      bytes: Buffer.byteLength(content),
      at: this.#options.clock.now(),
      by,
      content: key,
    };
    // First the content, where nobody looks yet; the record decides whether it counts.
    await records.put(`${space}/content`, key, sealed, { expected: 0 });
    const outcome = await this.#change(of, (now) => {
      if (now.lock !== null && now.lock.ID !== lockId) return { held: now.lock };
      if ((now.lock === null && lockId !== "") || now.versions.at(-1)?.version !== record.versions.at(-1)?.version)
        return "lost";
      return { ...now, versions: [...now.versions, version].slice(-keptVersions) };
    });
    const [oldest] = record.versions.length === keptVersions ? record.versions : [];
    const gone = outcome === "done" ? oldest?.content : key;
    if (gone !== undefined) await records.delete(`${space}/content`, gone);
    return outcome;
  }

  lock(of: StateName, lock: Lock): Promise<Outcome> {
    return this.#change(of, (now) =>
      now.lock === null || now.lock.ID === lock.ID ? { ...now, lock } : { held: now.lock },
    );
  }

  /** Gives the lock up; without an id whoever holds it. */
  unlock(of: StateName, lockId: string): Promise<Outcome> {
    return this.#change(of, (now) => {
      if (now.lock !== null && lockId !== "" && now.lock.ID !== lockId) return { held: now.lock };
      return { ...now, lock: null };
    });
  }

  /** Removes it with all its versions. */
  async remove(of: StateName): Promise<Outcome> {
    const { records } = this.#options.store;
    const { space, record } = await this.#get(of);
    if (record.lock !== null) return { held: record.lock };
    await records.delete(space, of.name);
    for (const { content } of record.versions) await records.delete(`${space}/content`, content);
    return "done";
  }

  /** Changes the record, or says why not; tries again where another was faster. */
  async #change(of: StateName, to: (now: StateRecord) => StateRecord | "lost" | Held): Promise<Outcome> {
    for (;;) {
      const { space, record, version } = await this.#get(of);
      const next = to(record);
      if (next === "lost" || "held" in next) return next;
      const value = Buffer.from(JSON.stringify(next));
      if (await this.#options.store.records.put(space, of.name, value, { expected: version })) return "done";
    }
  }

  async #get(of: StateName) {
    const space = await this.#space(of.tenant);
    const row = await this.#options.store.records.get(space, of.name);
    return { space, record: row === undefined ? nothing : parse(row.value), version: row?.version ?? 0 };
  }

  /** A project that was deleted and made again under its id does not find what the first one kept. @throws Fault NOT_FOUND */
  async #space({ org, project }: Tenant): Promise<string> {
    const key = { tenant: { org, project: "" }, kind: "iam.v1.Project", id: project };
    const row = await this.#options.store.get(key);
    if (row === undefined) throw new Fault("NOT_FOUND", `there is no project ${project} in ${org}; make it first`);
    return `terraform/state/${org}/${project}/${row.createdAt}`;
  }

  async #leaveRoom(space: string, name: string): Promise<void> {
    const there = await this.#options.store.records.list(space);
    if (there.length < mostStates || there.some(({ key }) => key === name)) return;
    throw new Fault(
      "WRONG_STATE",
      `the project has ${mostStates} states, which is as many as one may have; delete some`,
    );
  }
}

const parse = (value: Uint8Array): StateRecord => JSON.parse(Buffer.from(value).toString("utf8"));
