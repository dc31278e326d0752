// Defaults that the catalog promises whatever else a request says: the plan shows them, and nobody has to be asked.
import type { Attribute } from "./attribute.ts";
import type { Value } from "./cty/value.ts";

/** The value of an attribute that is left out; null where the cloud decides it. */
export function fixedDefault({ field, computed, optional }: Attribute): Value {
  const { fixedDefault: fixed = false, default: text = "" } = field?.options ?? {};
  if (!fixed || !computed || !optional) return null;
  switch (field?.type.type) {
    case "bool":
      return text === "true";
    case "int32":
    case "int64":
      return Number(text);
    case "enum":
      return text;
    default:
      return null;
  }
}
