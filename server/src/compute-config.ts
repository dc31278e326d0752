// The settings of images and consoles.
import { ConfigError } from "./config-error.ts";

export interface ComputeConfig {
  /** Origins beside the server's own whose web pages may open consoles: "https://console.example". */
  readonly consoleOrigins: readonly string[];
  /** Bytes that an image may have, as it comes and as it is kept. */
  readonly largestImageBytes: number;
  /** Whether images may come from private and loopback addresses. */
  readonly privateImageSources: boolean;
}

export const computeSettings = [
  {
    flag: "console-origins",
    variables: ["PHOTON_CONSOLE_ORIGINS"],
    value: "URL,…",
    help: "web pages of these origins may open consoles, beside those of the server's own address",
  },
  {
    flag: "largest-image",
    variables: ["PHOTON_LARGEST_IMAGE"],
    value: "GIB",
    help: "the most that an image may have, in GiB, as it comes and as it is kept; default 64",
  },
  {
    flag: "private-image-sources",
    variables: ["PHOTON_PRIVATE_IMAGE_SOURCES"],
    boolean: true,
    help: "images may come from private and loopback addresses; tenants can then reach your own network through the server",
  },
] as const;

type Given = Readonly<Partial<Record<(typeof computeSettings)[number]["flag"], string>>>;

const gib = 1024 ** 3;
const usualLargestGib = 64;

/** @throws ConfigError if one is wrong. */
export function computeOf(given: Given, privateImageSources: boolean): ComputeConfig {
  return {
    consoleOrigins: (given["console-origins"] ?? "").split(",").filter(Boolean).map(originOf),
    largestImageBytes: largestOf(given["largest-image"]) * gib,
    privateImageSources,
  };
}

function originOf(text: string): string {
  const url = URL.parse(text.trim());
  if (url !== null && /^https?:$/.test(url.protocol) && url.pathname === "/" && url.search === "") return url.origin;
  throw new ConfigError(`console-origins names "${text}"; it must be like https://console.example`);
}

function largestOf(text: string | undefined): number {
  const number = text === undefined ? usualLargestGib : Number(text);
  if (number > 0 && number <= 16_384) return number;
  throw new ConfigError(`largest-image is "${text}"; it must be a number of GiB above 0, at most 16384`);
}
