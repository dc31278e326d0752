// What a machine is seen as, and who is told when that changes.
import type { MachineState } from "../driver.ts";

export class StateOf {
  readonly #changed: () => void;
  #name: MachineState["state"] = "stopped";
  #reason = "";

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get name(): MachineState["state"] {
    return this.#name;
  }

  become(name: Exclude<MachineState["state"], "failed">): void {
    this.#set(name);
  }

  /** @param reason a sentence for its owner. */
  fail(reason: string): void {
    this.#reason = reason;
    this.#set("failed");
  }

  /** @param running asked while it runs: whether it needs a restart, and its trouble. */
  look(running: () => { readonly needsRestart: boolean; readonly trouble: string | undefined }): MachineState {
    if (this.#name === "failed") return { state: "failed", reason: this.#reason };
    if (this.#name !== "running") return { state: this.#name };
    const { needsRestart, trouble } = running();
    return { state: "running", needsRestart, ...(trouble !== undefined && { trouble }) };
  }

  #set(name: MachineState["state"]): void {
    if (this.#name === name) return;
    this.#name = name;
    // Whoever starts it knows that it is starting, and looks by himself.
    if (name !== "starting") this.#changed();
  }
}
