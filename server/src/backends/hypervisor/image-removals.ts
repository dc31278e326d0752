// Images that hosts have still to remove, since they could not be reached when it was asked for. Kept where it outlives this process.

export interface ImageRemovals {
  owe(hostId: string, imageId: string): Promise<void>;
  isOwed(hostId: string, imageId: string): Promise<boolean>;
  forget(hostId: string, imageId: string): Promise<void>;
}

/** Owes nothing: what could not be removed stays. */
export const noRemovals: ImageRemovals = {
  owe: async () => {},
  isOwed: async () => false,
  forget: async () => {},
};
