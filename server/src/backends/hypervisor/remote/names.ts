// What both ends of the channel between a server and an agent agree on.

/** What the certificate of a server says of whom it is for. */
export const serverName = "server.photoncloud.internal";

/** What the certificate of a host's agent says of whom it is for. */
export const hostName = (hostId: string): string => `${hostId}.host.photoncloud.internal`;

/** The header in which an agent tells a DriverError's reason. */
export const reasonHeader = "photon-driver-reason";
/** Beside it: the word that a status gives as its reason, where the driver said one. */
export const statusHeader = "photon-status";

/** An agent shows a sign of life this often, in milliseconds. */
export const beatMs = 5_000;
