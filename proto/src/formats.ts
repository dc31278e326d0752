// The formats of strings: a check each, which answers what is wrong and how to mend it.
import { parseIpV4, wrongCidr, wrongCidrV4, wrongIp } from "./addresses.ts";
import { Format } from "./gen/photoncloud/meta/v1/meta_pb.ts";

const says = (ok: boolean, need: string) => (ok ? undefined : need);

function url(text: string): string | undefined {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  return says(parsed?.protocol === "http:" || parsed?.protocol === "https:", "an absolute http or https URL is needed");
}

/** By format: answers what is needed instead, or undefined where the string is right. */
export const formatChecks: Readonly<Record<Format, (text: string) => string | undefined>> = {
  [Format.UNSPECIFIED]: () => undefined,
  [Format.NAME]: (text) =>
    says(
      /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text),
      "1 to 63 of a-z, 0-9 and - are allowed, beginning with a letter and not ending with -",
    ),
  [Format.CIDR]: wrongCidr,
  [Format.CIDR_V4]: wrongCidrV4,
  [Format.IP]: wrongIp,
  [Format.IP_V4]: (text) => says(parseIpV4(text) !== undefined, "an IPv4 address is needed, like 10.0.1.10"),
  [Format.MAC]: (text) =>
    says(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text), "a MAC address is needed, like fa:16:3e:00:00:01"),
  [Format.EMAIL]: (text) =>
    says(
      text.length <= 254 && /^[^\s@<>(),;:"[\]\\]{1,64}@[^\s@.]+(\.[^\s@.]+)+$/.test(text),
      "an e-mail address is needed, like alice@acme.example",
    ),
  [Format.URL]: url,
  [Format.DIGEST]: (text) =>
    says(/^sha256:[0-9a-f]{64}$/.test(text), 'a digest is needed: "sha256:" and 64 hexadecimal digits'),
};
