// For tests: a browser that keeps cookies, follows redirects between the cloud's pages and a provider's, and clicks what a person would.
import type { WebHandler } from "../../../web.ts";

/** What was answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a page showed, and where. */
export interface Shown extends Answer {
  readonly url: string;
}

const mostRedirects = 20;

export class Browser {
  readonly #cloud: string;
  readonly #web: WebHandler;
  /** By origin, then by name. */
  readonly cookies = new Map<string, Map<string, string>>();
  readonly sourceIp: string;

  constructor(cloud: string, web: WebHandler, sourceIp = "192.0.2.7") {
    this.#cloud = cloud;
    this.#web = web;
    this.sourceIp = sourceIp;
  }

  /** Goes somewhere, and on until a page shows; a redirect to another place than the cloud and the loopback provider is where it ends. */
  async open(url: string, form?: Readonly<Record<string, string>>): Promise<Shown> {
    let answer = await this.#ask(url, form);
    let at = url;
    for (let left = mostRedirects; left > 0; left--) {
      const location = answer.headers.location;
      if (answer.status < 300 || answer.status > 399 || location === undefined) break;
      at = new URL(location, at).href;
      if (new URL(at).pathname === "/callback" && !at.startsWith(this.#cloud)) break;
      answer = await this.#ask(at);
    }
    return { url: at, ...answer };
  }

  async #ask(url: string, form?: Readonly<Record<string, string>>): Promise<Answer> {
    const { origin } = new URL(url);
    const jar = this.cookies.get(origin) ?? new Map<string, string>();
    this.cookies.set(origin, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = origin === this.#cloud ? await this.#fromCloud(url, cookie, form) : await fromOutside(url, cookie);
    for (const line of (answer.headers["set-cookie"] ?? "").split("\n")) {
      const [, name, value] = /^([^=;\s]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) jar.set(name, value);
    }
    return answer;
  }

  async #fromCloud(url: string, cookie: string, form?: Readonly<Record<string, string>>): Promise<Answer> {
    return askWeb(this.#web, url, { cookie, sourceIp: this.sourceIp, ...(form && { form }) });
  }
}

/** One request to the cloud's pages. */
export async function askWeb(
  web: WebHandler,
  url: string,
  options: {
    readonly form?: Readonly<Record<string, string>>;
    readonly cookie?: string;
    readonly sourceIp?: string;
    readonly type?: string;
  } = {},
): Promise<Answer> {
  const { form, cookie, sourceIp = "192.0.2.7", type = "application/x-www-form-urlencoded" } = options;
  const answer = web({
    method: form === undefined ? "GET" : "POST",
    url: new URL(url),
    headers: { ...(cookie && { cookie }), ...(form && { "content-type": type }) },
    body: form === undefined ? "" : new URLSearchParams(form).toString(),
    sourceIp,
    requestId: "request-1",
    token: "",
    signal: new AbortController().signal,
    permit: () => Promise.reject(new Error("no page here asks for a permission")),
    as: () => {
      throw new Error("no page here is asked in another name");
    },
  });
  if (answer === undefined) throw new Error(`there is no page at ${url}`);
  const { body, ...head } = await answer;
  return { ...head, body: String(body) };
}

async function fromOutside(url: string, cookie: string): Promise<Answer> {
  const answer = await fetch(url, { redirect: "manual", headers: { cookie } });
  const headers = { ...Object.fromEntries(answer.headers), "set-cookie": answer.headers.getSetCookie().join("\n") };
  return { status: answer.status, headers, body: await answer.text() };
}

/** Where the link of a page leads that a person follows. */
export function linkOf({ body, url }: Shown): string {
  const [, href] = /<a id="continue" href="([^"]+)"/.exec(body) ?? [];
  if (href === undefined) throw new Error(`the page at ${url} has no link: ${body}`);
  return new URL(href.replaceAll("&amp;", "&"), url).href;
}

/** The ticket in a page's form. */
export function ticketOf({ body }: Shown): string {
  return /name="ticket" value="([^"]+)"/.exec(body)?.[1] ?? "";
}
