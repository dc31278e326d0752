// The few pages that a person sees: plain HTML without frames or anything from elsewhere, and without scripts but the one that asks a passkey.
import { createHash } from "node:crypto";
import type { WebAnswer } from "../../../web.ts";

const style =
  "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}code{font-size:1.2em}";
/** What a page may run and load: what is in it, by its hash, and nothing else. */
function policyOf(script: string): string {
  const scripts = script === "" ? "" : ` script-src '${hashOf(script)}';`;
  return `default-src 'none'; style-src '${hashOf(style)}';${scripts} form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

const pageHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
};

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** HTML that is safe as it is. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Puts values into HTML, escaped unless they are HTML themselves. */
export function html(strings: TemplateStringsArray, ...values: readonly (string | Html)[]): Html {
  const escaped = values.map((value) =>
    value instanceof Html ? value.text : value.replace(/[&<>"']/g, (one) => entities[one] ?? ""),
  );
  return new Html(strings.map((part, index) => part + (escaped[index] ?? "")).join(""));
}

export function page(
  status: number,
  title: string,
  body: Html,
  headers: Readonly<Record<string, string>> = {},
  script = "",
): WebAnswer {
  const head = html`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>${new Html(style)}</style></head>`;
  const whole = html`${head}<body><h1>${title}</h1>${body}${scriptOf(script)}</body></html>\n`;
  const policy = { "content-security-policy": policyOf(script) };
  return { status, headers: { ...pageHeaders, ...policy, ...headers }, body: whole.text };
}

function scriptOf(script: string): Html {
  return script === "" ? new Html("") : new Html(`<script>${script}</script>`);
}

export function redirect(location: string, headers: Readonly<Record<string, string>> = {}): WebAnswer {
  return {
    status: 303,
    headers: { location, "cache-control": "no-store", "referrer-policy": "no-referrer", ...headers },
    body: "",
  };
}
