// Who is where in a subnet, as its service namespace believes.
import { command } from "../../backends/linux/command.ts";

/** Neighbours that must not move while something is sent to them that is theirs alone. */
export class Neighbours {
  readonly #namespace: string;
  /** How many sendings are under way, by address. */
  readonly #pinned = new Map<string, number>();

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** Has what is sent to an address go to one MAC, whatever anybody says, until undone. */
  async pin(address: string, macAddress: string): Promise<() => Promise<void>> {
    const plain = address.replace(/%.*$/, "");
    this.#pinned.set(plain, (this.#pinned.get(plain) ?? 0) + 1);
    const undo = async () => {
      const left = (this.#pinned.get(plain) ?? 1) - 1;
      if (left > 0) return void this.#pinned.set(plain, left);
      this.#pinned.delete(plain);
      await this.#set(plain, macAddress, "stale");
    };
    await this.#set(plain, macAddress, "permanent").catch(async (error: unknown) => {
      await undo();
      throw error;
    });
    return undo;
  }

  async #set(address: string, mac: string, state: "permanent" | "stale"): Promise<void> {
    const words = ["neigh", "replace", address, "lladdr", mac, "dev", "eth0", "nud", state];
    await command("ip", ["-n", this.#namespace, ...words]);
  }
}
