// A person's browser for tests, in the place of xdg-open: goes where the command points, through the provider, and clicks the link at the end.
const [, , start = ""] = process.argv;
const jars = new Map<string, Map<string, string>>();

async function ask(url: string): Promise<Response> {
  const { origin } = new URL(url);
  const jar = jars.get(origin) ?? new Map<string, string>();
  jars.set(origin, jar);
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  const answer = await fetch(url, { redirect: "manual", headers: { cookie } });
  for (const line of answer.headers.getSetCookie()) {
    const [, name = "", value = ""] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
    jar.set(name, value);
  }
  return answer;
}

for (let at = start; at !== ""; ) {
  const answer = await ask(at);
  const body = await answer.text();
  const [, link = ""] = /<a id="continue" href="([^"]+)"/.exec(body) ?? [];
  const next = answer.headers.get("location") ?? link.replaceAll("&amp;", "&");
  if (next === "" && answer.status !== 200) throw new Error(`the page at ${at} says ${answer.status}: ${body}`);
  at = next === "" ? "" : new URL(next, at).href;
}
