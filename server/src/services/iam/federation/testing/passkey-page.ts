// For tests: a page's own script, run as a browser runs it, with a security key in software behind navigator.credentials.
import { createHash } from "node:crypto";
import { createContext, runInContext } from "node:vm";
import type { SoftwareAuthenticator } from "../../account/testing/authenticator.ts";

/** What of a page is looked at. */
export interface PasskeyPage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Asked {
  readonly publicKey: { readonly challenge: Uint8Array } & Readonly<Record<string, unknown>>;
}

type Key = Pick<SoftwareAuthenticator, "assert" | "attest">;

/** Presses the passkey's button. Answers the form that the script sends, or throws what the page says instead. */
export function pressPasskey(page: PasskeyPage, key: Key): Promise<Readonly<Record<string, string>>> {
  const { promise, resolve, reject } = Promise.withResolvers<Readonly<Record<string, string>>>();
  const [, script = ""] = /<script>(.*?)<\/script>/s.exec(page.body) ?? [];
  refuseBlocked(page, script);
  const [, attributes = "", inside = ""] = /<form id="passkey"([^>]*)>(.*?)<\/form>/s.exec(page.body) ?? [];
  const [, ticket = ""] = /name="ticket" value="([^"]*)"/.exec(inside) ?? [];
  const elements = { answer: { value: "" } };
  let pressed: ((event: { preventDefault(): void }) => void) | undefined;
  const form = {
    dataset: { verb: attribute(attributes, "data-verb"), options: attribute(attributes, "data-options") },
    elements,
    addEventListener: (_type: string, listener: typeof pressed) => {
      pressed = listener;
    },
    submit: () => resolve({ ticket, answer: elements.answer.value }),
  };
  const problem = {
    set textContent(text: string) {
      reject(new Error(text));
    },
  };
  const credentials = {
    get: async ({ publicKey }: Asked) => credential(key.assert(jsonOf(publicKey))),
    create: async ({ publicKey }: Asked) => credential(key.attest(jsonOf(publicKey))),
  };
  const document = { getElementById: (id: string) => (id === "passkey" ? form : problem) };
  runInContext(script, createContext({ document, navigator: { credentials }, atob, btoa }));
  pressed?.({ preventDefault: () => undefined });
  return promise;
}

/** A browser runs no script that the page's policy does not name by its hash. */
function refuseBlocked({ headers }: PasskeyPage, script: string): void {
  const hash = createHash("sha256").update(script).digest("base64");
  const policy = headers["content-security-policy"] ?? "";
  if (!policy.includes(`script-src 'sha256-${hash}'`)) throw new Error(`the policy ${policy} blocks the script`);
}

function attribute(text: string, name: string): string {
  const [, value = ""] = new RegExp(`${name}="([^"]*)"`).exec(text) ?? [];
  return value
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

function jsonOf(publicKey: Asked["publicKey"]): string {
  return JSON.stringify({ challenge: Buffer.from(publicKey.challenge).toString("base64url") });
}

/** A PublicKeyCredential as scripts see it: with bytes. */
function credential(json: string): Record<string, unknown> {
  const { id, rawId, type, response }: Record<string, string> & { response: Record<string, string> } = JSON.parse(json);
  const bytes = Object.entries(response).map(([name, text]) => [name, Buffer.from(text, "base64url")]);
  return { id, rawId: Buffer.from(rawId ?? "", "base64url"), type, response: Object.fromEntries(bytes) };
}
