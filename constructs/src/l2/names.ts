// Names of resources, from the names of their constructs.
import { createHash } from "node:crypto";
import type { Construct } from "constructs";
import { TerraformStack } from "../cdk.ts";

/** The longest name that the cloud takes (RFC 1035 label). */
const longest = 63;

/**
 * A name from a construct's place in its stack: "main/web" becomes "main-web". A name that is too long keeps its beginning and gets
 * eight digits of its hash, so that two never meet.
 */
export function nameOf(construct: Construct): string {
  const stack = TerraformStack.of(construct);
  const path = construct.node.path.slice(stack.node.path.length).replace(/^\/+/, "");
  const words = path.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
  const plain = words.replace(/[^a-z0-9]+/g, "-").replace(/^[^a-z]+|-+$/g, "");
  if (plain !== "" && plain.length <= longest) return plain;
  const hash = createHash("sha256").update(path).digest("hex").slice(0, 8);
  return `${(plain === "" ? "r" : plain).slice(0, longest - 9).replace(/-+$/, "")}-${hash}`;
}
