/** Names are compared without regard to case (RFC 7643, section 4.1.1). */
export function foldName(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}
