// The one client that logs people in through us: the command line. It is public (RFC 8252, section 8.5): nothing but PKCE proves that it is
// the one that began.

export const cliClient = "photon-cli";

/** Loopback by address, with whatever port (RFC 8252, sections 7.3 and 8.3): names could be made to point elsewhere. */
export function isLoopbackRedirect(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "http:" || text.includes("#") || text.length > 512) return false;
  const plain = url.username === "" && url.password === "" && url.search === "";
  return plain && (url.hostname === "127.0.0.1" || url.hostname === "[::1]");
}

/** A code challenge by S256 (RFC 7636, section 4.2); "plain" is not taken. */
export function isChallenge(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}
