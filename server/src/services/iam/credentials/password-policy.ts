// Which passwords are refused when they are set: short ones, what one would try first, and the user's own names (NIST SP 800-63B, section 3.1.1.2).
import { invalidField } from "../../../fault.ts";

/** What a password may not be about. */
export interface PasswordOwner {
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

/** What must be left of a password without the user's own names, and without a word that everybody would try. */
const leastBesideOwn = 8;
const leastBesideKnown = 5;
/** The beginnings of every list of leaked passwords, at least of those that are as long as ours must be. */
const wellKnown = [
  ...["password", "passwort", "qwertyuiop", "qwertz", "qwerty", "asdfghjkl", "zxcvbnm", "letmein", "iloveyou"],
  ...["administrator", "admin", "welcome", "changeme", "secret", "monkey", "dragon", "sunshine", "princess"],
  ...["football", "baseball", "superman", "trustno", "whatever", "starwars", "1q2w3e4r5t6y", "1qaz2wsx3edc", "abc123"],
  ...["12345678", "87654321", "23456789", "111111", "000000", "abcdefgh", "photoncloud", "correcthorsebatterystaple"],
];

/** @throws Fault INVALID_FIELDS on `path` that says what is wrong, and never what was given. */
export function checkPassword(password: string, owner: PasswordOwner, minLength: number, path = "password"): void {
  const length = [...password].length;
  if (length < minLength)
    throw invalidField(path, "size", `it has ${length} characters; your org wants at least ${minLength}`);
  const plain = plainOf(password);
  if (new Set(plain).size < 5)
    throw invalidField(path, "guessable", "it is made of fewer than five different characters; choose another");
  const own = [owner.id, owner.name, owner.email, owner.email.split("@")[0] ?? ""].map(plainOf);
  if (own.some((word) => word.length > 2 && without(plain, word).length < leastBesideOwn))
    throw invalidField(path, "guessable", "it is hardly more than your own name or address; choose another");
  if (wellKnown.some((word) => without(plain, word).length < leastBesideKnown && plain.includes(word)))
    throw invalidField(path, "guessable", "it is among the first that anyone would try; choose another");
}

/** Without case, blanks and marks. */
function plainOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

function without(text: string, word: string): string {
  return text.replaceAll(word, "");
}
