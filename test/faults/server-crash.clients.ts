// Clients that never give up: each change has a key of its own, and is sent again with the same key until it is answered, whoever dies meanwhile.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

type Json = Readonly<Record<string, unknown>>;

/** A change that was acknowledged. */
export interface Done {
  readonly method: string;
  readonly key: string;
  readonly body: Json;
  readonly status: number;
  readonly answer: Json;
}

/** How long one try may take, and how long is waited before the next, in milliseconds. */
const patienceMs = 5_000;
const againMs = 25;

export interface Load {
  /** All that was acknowledged, in the order in which it was. */
  readonly done: readonly Done[];
  /** How many tries got no answer. */
  lost(): number;
  /** Sends one change until it is answered. */
  send(method: string, body: Json, key?: string): Promise<Done>;
  /** Lets every client finish what it is at. */
  stop(): Promise<void>;
}

export interface Cloud {
  readonly url: string;
  readonly token: string;
  readonly scope: Json;
  readonly subnetId: string;
}

const ports = "prismnet.v1.PortService";
const vms = "plasmavmc.v1.VmService";

/** Starts clients that make, change and delete ports and machines. */
export function startLoad(cloud: Cloud, clients: number): Load {
  const done: Done[] = [];
  let lost = 0;
  let stopping = false;

  async function once(method: string, body: Json, key: string): Promise<Done | undefined> {
    const headers = {
      "content-type": "application/json",
      authorization: `Bearer ${cloud.token}`,
      "idempotency-key": key,
    };
    const init = { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(patienceMs) };
    const response = await fetch(`${cloud.url}/${method}`, init);
    const answer: Json = JSON.parse(await response.text());
    // What may succeed later was not done: the server is starting or stopping, or others were faster.
    const again = response.status >= 500 || answer.code === "aborted" || answer.code === "resource_exhausted";
    return again ? undefined : { method, key, body, status: response.status, answer };
  }

  async function send(method: string, body: Json, key: string = randomUUID()): Promise<Done> {
    for (;;) {
      const answered = await once(method, body, key).catch(() => undefined);
      if (answered !== undefined) {
        done.push(answered);
        return answered;
      }
      lost += 1;
      await sleep(againMs);
    }
  }

  /** One life: a port, a machine on it, a change; every other one is deleted again. */
  async function life(name: string, odd: boolean): Promise<void> {
    const { scope, subnetId } = cloud;
    const port = await send(`${ports}/CreatePort`, { ...scope, name, subnetId });
    const spec = { network: [{ id: "eth0", portId: port.answer.id }] };
    const vm = await send(`${vms}/CreateVm`, { ...scope, name, spec });
    const { id } = vm.answer;
    await send(`${vms}/UpdateVm`, { ...scope, id, vm: { labels: { life: name } } });
    if (!odd) return;
    await send(`${vms}/DeleteVm`, { ...scope, id });
    await deletePort(port.answer.id);
  }

  /** A port is in use until its machine is gone: that is an answer, after which one asks anew. */
  async function deletePort(id: unknown): Promise<void> {
    for (;;) {
      const { status } = await send(`${ports}/DeletePort`, { ...cloud.scope, id });
      if (status === 200) return;
      await sleep(againMs);
    }
  }

  async function client(number: number): Promise<void> {
    for (let count = 0; !stopping; count += 1) await life(`c${number}-${count}`, count % 2 === 1);
  }

  const running = Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return {
    done,
    lost: () => lost,
    send,
    async stop() {
      stopping = true;
      await running;
    },
  };
}
