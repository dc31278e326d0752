// Paths into a value, as a diagnostic or a replacement names them.

/** An attribute's name, a map's key or a list's index. */
export type Step = { readonly attribute: string } | { readonly key: string } | { readonly index: number };
export type Path = readonly Step[];

export const attribute = (name: string): Step => ({ attribute: name });
export const key = (name: string): Step => ({ key: name });
export const index = (at: number): Step => ({ index: at });

/** As the proto writes it and a person reads it: rules["web"].remote_cidr, spec.network[0].port_id. */
export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if ("attribute" in step) text += text === "" ? step.attribute : `.${step.attribute}`;
    else text += "key" in step ? `[${JSON.stringify(step.key)}]` : `[${step.index}]`;
  }
  return text;
}

const token = /^(?:\.?([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\])/;

/** Reads what `formatPath` writes; stops at the first part that is none. */
export function parsePath(text: string): Path {
  const path: Step[] = [];
  for (let rest = text; rest !== ""; ) {
    const match = token.exec(rest);
    if (match === null) return path;
    const [all, name, at, quoted] = match;
    if (name !== undefined) path.push(attribute(name));
    else if (at !== undefined) path.push(index(Number(at)));
    else if (quoted !== undefined) path.push(key(String(JSON.parse(quoted))));
    rest = rest.slice(all.length);
  }
  return path;
}
