// The names of a move's streams.
const diskPrefix = "disk:";

/** The memory of a machine that runs. */
export const memoryChannel = "memory";

export function diskChannel(id: string): string {
  return `${diskPrefix}${id}`;
}

/** Undefined: it is no disk's. */
export function diskOfChannel(channel: string): string | undefined {
  return channel.startsWith(diskPrefix) ? channel.slice(diskPrefix.length) : undefined;
}
