// The id of a user whom a provider or a provisioning system names in its own way: what is before the @, in the letters that an id may have.

const longest = 63;
const suffixLength = 8;

/** "Alice.Doe@acme.example" is "alice-doe". With a suffix where that is taken. */
export function idOf(userName: string, suffix?: Uint8Array): string {
  const local = userName.split("@", 1)[0] ?? "";
  const plain = local
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
  const base = plain === "" ? "user" : plain;
  if (suffix === undefined) return trimmed(base, longest);
  const end = Buffer.from(suffix).toString("hex").slice(0, suffixLength);
  return `${trimmed(base, longest - suffixLength - 1)}-${end}`;
}

function trimmed(text: string, length: number): string {
  return text.slice(0, length).replace(/-+$/, "");
}
