// Instants (RFC 3339) and durations (as Go writes them: "1h30m") as exact nanoseconds.

const instant = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const nanosPerSecond = 1_000_000_000n;
const nanosPerMilli = 1_000_000n;

/** Nanoseconds since 1970, or undefined where the text is no RFC 3339 time. */
export function parseTimestamp(text: string): bigint | undefined {
  const match = instant.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, sign, hours, minutes] = match.map((part) => part ?? "");
  const local = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  // Date.parse takes the 31st of February for the 3rd of March in some forms: what it read must be what was written.
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(`${year}-${month}-${day}`)) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
  return BigInt(local - offset) * nanosPerMilli + BigInt((fraction ?? "").padEnd(9, "0"));
}

/** In UTC, with as many digits of a second as it has (0, 3, 6 or 9). */
export function formatTimestamp(nanos: bigint): string {
  const fraction = ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
  const seconds = new Date(Number((nanos - fraction) / nanosPerMilli)).toISOString().slice(0, 19);
  const digits = `${fraction}`.padStart(9, "0").replace(/(?:000){1,3}$/, "");
  return `${seconds}${digits === "" ? "" : `.${digits}`}Z`;
}

const unitNanos: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: nanosPerMilli,
  s: nanosPerSecond,
  m: 60n * nanosPerSecond,
  h: 3600n * nanosPerSecond,
};

const wholeDuration = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const durationPart = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g;

/** Nanoseconds, or undefined where the text is no duration; parts finer than a nanosecond are cut off. */
export function parseDuration(text: string): bigint | undefined {
  if (text === "0") return 0n;
  const match = wholeDuration.exec(text);
  if (match === null) return undefined;
  let nanos = 0n;
  for (const [, whole, fraction, unit] of text.matchAll(durationPart)) {
    const scale = unitNanos[unit ?? ""] ?? 0n;
    const digits = fraction ?? "";
    nanos += BigInt(whole || "0") * scale + (BigInt(digits || "0") * scale) / 10n ** BigInt(digits.length);
  }
  return match[1] === "-" ? -nanos : nanos;
}

/** "1h30m", "45s", "1.5s", "0s". */
export function formatDuration(nanos: bigint): string {
  if (nanos === 0n) return "0s";
  if (nanos < 0n) return `-${formatDuration(-nanos)}`;
  const hours = nanos / (3600n * nanosPerSecond);
  const minutes = (nanos / (60n * nanosPerSecond)) % 60n;
  const seconds = (nanos / nanosPerSecond) % 60n;
  const fraction = `${nanos % nanosPerSecond}`.padStart(9, "0").replace(/0+$/, "");
  const last = seconds === 0n && fraction === "" ? "" : `${seconds}${fraction === "" ? "" : `.${fraction}`}s`;
  return `${hours === 0n ? "" : `${hours}h`}${minutes === 0n ? "" : `${minutes}m`}${last}`;
}
