// Answers as text: what tables and details show of a value.

/** Whether a value has names and values: no list, and not null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Any value in one line. Dates are ISO 8601; lists are joined; "" for what is not there. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (value instanceof Date) return value.toISOString().replace(/\.000Z$/, "Z");
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  if (typeof value === "object")
    return Object.entries(value)
      .map(([key, item]) => `${key}=${textOf(item)}`)
      .join(", ");
  return String(value);
}

/** A value that YAML and JSON can say: bigints become text, bytes base64, dates ISO 8601. */
export function plainOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? String(one) : one)));
}
