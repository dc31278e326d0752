// Reads the cloud's pages as a browser does: one jar of cookies for each origin, redirects followed, forms sent with the ticket of their page.
import type { PasskeyPage } from "../../server/src/services/iam/federation/testing/passkey-page.ts";

export function ticketIn(body: string): string {
  return /name="ticket" value="([^"]+)"/.exec(body)?.[1] ?? "";
}

export class PageReader {
  readonly #jars = new Map<string, Map<string, string>>();

  async open(url: string, form?: Readonly<Record<string, string>>): Promise<string> {
    return (await this.show(url, form)).body;
  }

  /** Sends the form of a page. */
  send(page: PasskeyPage, url: string, fields: Readonly<Record<string, string>>): Promise<PasskeyPage> {
    return this.show(url, { ticket: ticketIn(page.body), ...fields });
  }

  async show(url: string, form?: Readonly<Record<string, string>>): Promise<PasskeyPage> {
    const { origin } = new URL(url);
    const jar = this.#jars.get(origin) ?? new Map<string, string>();
    this.#jars.set(origin, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const send = form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) };
    const answer = await fetch(url, { redirect: "manual", headers: { cookie }, ...send });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      jar.set(name, value);
    }
    const location = answer.headers.get("location");
    if (location !== null) return this.show(new URL(location, url).href);
    return { headers: Object.fromEntries(answer.headers), body: await answer.text() };
  }
}
