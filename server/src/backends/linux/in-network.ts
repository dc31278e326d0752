// Programs in the network of a namespace (`ip netns`), which keep the files that they see: `ip netns exec`, and `ip -n`, give a program mounts of its own
// as well, which take the kernel some milliseconds to make and to clear away.
import { statSync } from "node:fs";
import { join } from "node:path";

/** Where `ip netns` keeps names. */
export const namespacesFolder = "/run/netns";

/** A program's words, to be run in a namespace's network. @param namespace undefined: ours */
export function inNetwork(namespace: string | undefined, ...words: readonly string[]): readonly string[] {
  return namespace === undefined ? words : ["nsenter", `--net=${join(namespacesFolder, namespace)}`, ...words];
}

/** Tells a namespace from a later one of the same name. Undefined: there is none. */
export function networkIdentity(namespace: string): number | undefined {
  return statSync(join(namespacesFolder, namespace), { throwIfNoEntry: false })?.ino;
}
