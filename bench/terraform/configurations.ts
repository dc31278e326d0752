// What is applied: networks with a subnet and a port each, and as many of Terraform's own terraform_data with the same values.
import { readFileSync } from "node:fs";
import { address } from "../../provider/scripts/mirror.ts";

/** How many there are of each. */
export interface Counts {
  readonly vpc: number;
  readonly subnet: number;
  readonly port: number;
}

/** Each subnet has a network of its own, and each port a subnet, as tenants spread. */
export const countsOf = (resources: number): Counts => ({
  vpc: Math.ceil(resources / 3),
  subnet: Math.ceil((resources - 1) / 3),
  port: Math.floor(resources / 3),
});

export const kindsOf = (counts: Counts): number => Object.values(counts).filter((count) => count > 0).length;

/** Resources of ours. */
export const networks = ({ vpc, subnet, port }: Counts): string => `resource "photoncloud_vpc" "all" {
  count = ${vpc}
  name  = "net-\${count.index}"
  cidr  = "10.\${count.index % 250}.0.0/16"
}
resource "photoncloud_subnet" "all" {
  count  = ${subnet}
  name   = "sub-\${count.index}"
  vpc_id = photoncloud_vpc.all[count.index].id
  cidr   = "10.\${count.index % 250}.1.0/24"
}
resource "photoncloud_port" "all" {
  count      = ${port}
  name       = "port-\${count.index}"
  subnet_id  = photoncloud_subnet.all[count.index].id
  ip_address = "10.\${count.index % 250}.1.10"
}
`;

/** The same as a whole configuration. */
export const ours = (counts: Counts): string => `terraform {
  required_providers {
    photoncloud = {
      source = "${address}"
    }
  }
}
${networks(counts)}`;

type Attributes = Readonly<Record<string, unknown>>;
interface State {
  readonly resources: readonly {
    readonly type: string;
    readonly instances: readonly { readonly attributes: Attributes }[];
  }[];
}

const readState = (path: string): State => JSON.parse(readFileSync(path, "utf8"));

/** Bytes that an instance's attributes take in a state, as JSON without blanks; the mean of all. */
export function bytesEach(path: string): number {
  const sizes = readState(path).resources.flatMap((r) => r.instances.map((i) => JSON.stringify(i.attributes).length));
  return sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
}

/** Which of the others a value comes from. */
const parents: Readonly<Record<string, string>> = { vpc_id: "vpc", subnet_id: "subnet" };

/** A value as ours has it; what tells one resource from another is made of its number, what names another comes from there. */
function expression(name: string, value: unknown): string {
  const parent = parents[name];
  if (parent !== undefined) return `terraform_data.${parent}[count.index].id`;
  const text = JSON.stringify(value);
  return name === "name" ? text.replace(/0"$/, `\${count.index}"`) : text;
}

const objectOf = (attributes: Attributes): string =>
  Object.entries(attributes)
    .map(([name, value]) => `    ${name} = ${expression(name, value)}\n`)
    .join("");

const written = new Set(["name", "cidr", "vpc_id", "subnet_id", "ip_address"]);
const onlyWritten = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([name]) => written.has(name)));

function builtIn(counts: Counts, state: string, part: (attributes: Attributes) => Attributes): string {
  const kinds = readState(state).resources.map(({ type, instances }) => {
    const kind = type.replace("photoncloud_", "");
    const count = Object.entries(counts).find(([name]) => name === kind)?.[1] ?? 0;
    const input = objectOf(part(instances[0]?.attributes ?? {}));
    return `resource "terraform_data" "${kind}" {\n  count = ${count}\n  input = {\n${input}  }\n}\n`;
  });
  return kinds.join("");
}

/** Objects of what the user writes: with its type and its output such a resource is about as large in the state as one of ours. */
export const sameState = (counts: Counts, state: string): string => builtIn(counts, state, onlyWritten);

/** Objects of all the attributes that ours have in the state. */
export const sameAttributes = (counts: Counts, state: string): string => builtIn(counts, state, (all) => all);
