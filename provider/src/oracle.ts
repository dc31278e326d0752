// Terraform's own rules for a provider's answers (hashicorp/terraform: docs/resource-instance-change-lifecycle.md), written a
// second time and from the other side: what it finds is a bug of ours, found before Terraform says "this is a bug in the provider".
import { type Attribute, objectType, type Shape, typeOf } from "./attribute.ts";
import { readRefinements } from "./cty/msgpack.ts";
import { attribute as attributeStep, formatPath, index, key, type Path } from "./cty/path.ts";
import type { Type } from "./cty/type.ts";
import { hasUnknown, isList, isMap, isNumber, sameValue, Unknown, type Value, type ValueMap } from "./cty/value.ts";

/** Collects what is wrong, each with its path. */
type Report = (path: Path, problem: string) => void;

function conforms(type: Type, value: Value, path: Path, report: Report): void {
  if (value === null || value instanceof Unknown) return;
  switch (type.kind) {
    case "string":
      if (typeof value !== "string") report(path, "is no string");
      return;
    case "number":
      if (!isNumber(value)) report(path, "is no number");
      return;
    case "bool":
      if (typeof value !== "boolean") report(path, "is no bool");
      return;
    case "list":
    case "set":
      if (!isList(value)) report(path, `is no ${type.kind}`);
      else for (const [i, item] of value.entries()) conforms(type.of, item, [...path, index(i)], report);
      return;
    case "map":
      if (!isMap(value)) report(path, "is no map");
      else for (const [k, item] of value) conforms(type.of, item, [...path, key(k)], report);
      return;
    case "object":
      if (!isMap(value) || value.size !== type.fields.size)
        report(path, `is no object with ${type.fields.size} attributes`);
      else
        for (const [name, of] of type.fields)
          conforms(of, value.get(name) ?? null, [...path, attributeStep(name)], report);
  }
}

const get = (value: Value, name: string): Value => (isMap(value) ? (value.get(name) ?? null) : null);

function planAttribute(a: Attribute, prior: Value, config: Value, planned: Value, path: Path, report: Report): void {
  if (a.writeOnly) {
    if (planned !== null) report(path, "is write-only and must be planned null");
    return;
  }
  const type = typeOf(a.shape);
  if (config === null) {
    if (!a.computed && planned !== null) report(path, "was left out and is not computed, but is planned");
    return;
  }
  if (sameValue(type, planned, config)) return;
  if (prior !== null && sameValue(type, planned, prior)) return;
  if (a.shape.kind === "scalar" || (a.shape.kind !== "object" && a.shape.of.kind === "scalar")) {
    report(path, "is planned neither as configured nor as it was");
    return;
  }
  planNested(a.shape, prior, config, planned, path, report);
}

function planNested(shape: Shape, prior: Value, config: Value, planned: Value, path: Path, report: Report): void {
  if (planned === null || planned instanceof Unknown || config instanceof Unknown || config === null) {
    report(path, "is configured, but planned null or unknown as a whole");
    return;
  }
  if (shape.kind === "object") {
    planAttributes(shape.attributes, prior, config, planned, path, report);
    return;
  }
  if (shape.kind === "scalar") return;
  if (isMap(config) && isMap(planned)) {
    if ([...config.keys()].sort().join() !== [...planned.keys()].sort().join()) {
      report(path, "has other keys than configured");
      return;
    }
    for (const [k, item] of config)
      planElement(shape.of, get(prior, k), item, get(planned, k), [...path, key(k)], report);
    return;
  }
  if (!isList(config) || !isList(planned) || config.length !== planned.length) {
    report(path, "has another number of items than configured");
    return;
  }
  if (shape.kind === "list")
    for (const [i, item] of config.entries())
      planElement(
        shape.of,
        isList(prior) ? (prior[i] ?? null) : null,
        item,
        planned[i] ?? null,
        [...path, index(i)],
        report,
      );
  else planSet(shape.of, config, planned, path, report);
}

function planElement(of: Shape, prior: Value, config: Value, planned: Value, path: Path, report: Report): void {
  if (!sameValue(typeOf(of), config, planned)) planNested(of, prior, config, planned, path, report);
}

/** Each configured item must have a planned one that is valid for it. */
function planSet(of: Shape, config: readonly Value[], planned: readonly Value[], path: Path, report: Report): void {
  const left = [...planned];
  for (const item of config) {
    const at = left.findIndex((other) => {
      let valid = true;
      planElement(of, null, item, other, path, () => {
        valid = false;
      });
      return valid;
    });
    if (at < 0) report(path, "lacks a planned item for a configured one");
    else left.splice(at, 1);
  }
}

function planAttributes(
  attributes: readonly Attribute[],
  prior: Value,
  config: Value,
  planned: Value,
  path: Path,
  report: Report,
): void {
  for (const a of attributes)
    planAttribute(
      a,
      get(prior, a.name),
      get(config, a.name),
      get(planned, a.name),
      [...path, attributeStep(a.name)],
      report,
    );
}

/** Whether a path names something in a value. */
function reaches(value: Value, path: Path): boolean {
  const [step, ...rest] = path;
  if (step === undefined || value instanceof Unknown) return true;
  if ("index" in step) return isList(value) && step.index < value.length && reaches(value[step.index] ?? null, rest);
  const name = "key" in step ? step.key : step.attribute;
  return isMap(value) && value.has(name) && reaches(value.get(name) ?? null, rest);
}

const collect = (check: (report: Report) => void): string[] => {
  const problems: string[] = [];
  check((path, problem) => problems.push(`${formatPath(path) || "the value"} ${problem}`));
  return problems;
};

/** What Terraform would refuse in an answer to PlanResourceChange (not a destroy). */
export function checkPlan(
  attributes: readonly Attribute[],
  prior: ValueMap | null,
  config: ValueMap,
  planned: ValueMap,
  replaces: readonly Path[],
): string[] {
  return collect((report) => {
    conforms(objectType(attributes), planned, [], report);
    planAttributes(attributes, prior, config, planned, [], report);
    for (const path of replaces)
      if (!reaches(prior, path) && !reaches(planned, path)) report(path, "forces replacement, but is nowhere");
  });
}

function fits(shape: Shape, planned: Value, applied: Value, path: Path, report: Report): void {
  if (planned instanceof Unknown) {
    const { notNull, prefix } = readRefinements(planned);
    if (notNull && applied === null) report(path, "was planned not to be null");
    if (prefix !== "" && typeof applied === "string" && !applied.startsWith(prefix))
      report(path, `was planned to begin with ${prefix}`);
    return;
  }
  if (planned === null || applied === null || shape.kind === "scalar") {
    if (!sameValue(typeOf(shape), planned, applied)) report(path, "is not what was planned");
    return;
  }
  if (shape.kind === "object") {
    for (const a of shape.attributes)
      fits(a.shape, get(planned, a.name), get(applied, a.name), [...path, attributeStep(a.name)], report);
    return;
  }
  if (isMap(planned) && isMap(applied)) {
    if ([...planned.keys()].sort().join() !== [...applied.keys()].sort().join()) {
      report(path, "has other keys than planned");
      return;
    }
    for (const [k, item] of planned) fits(shape.of, item, get(applied, k), [...path, key(k)], report);
    return;
  }
  if (!isList(planned) || !isList(applied)) {
    report(path, "is not what was planned");
    return;
  }
  if (shape.kind === "list") {
    if (planned.length !== applied.length) {
      report(path, "has another number of items than planned");
      return;
    }
    for (const [i, item] of planned.entries()) fits(shape.of, item, applied[i] ?? null, [...path, index(i)], report);
  } else if (!planned.some((item) => hasUnknown(item)) && !sameValue(typeOf(shape), planned, applied))
    report(path, "is another set than planned");
}

/** What Terraform would refuse in an answer to ApplyResourceChange (not a destroy). */
export function checkApply(attributes: readonly Attribute[], planned: ValueMap, applied: ValueMap): string[] {
  return collect((report) => {
    checkStateInto(attributes, applied, report);
    fits({ kind: "object", attributes }, planned, applied, [], report);
  });
}

function checkStateInto(attributes: readonly Attribute[], state: ValueMap, report: Report): void {
  conforms(objectType(attributes), state, [], report);
  for (const [name, value] of state) if (hasUnknown(value)) report([attributeStep(name)], "is still unknown");
  for (const a of attributes)
    if (a.writeOnly && get(state, a.name) !== null) report([attributeStep(a.name)], "is write-only, but has a value");
}

/** What Terraform would refuse in a state that was read or imported. */
export function checkState(attributes: readonly Attribute[], state: ValueMap): string[] {
  return collect((report) => checkStateInto(attributes, state, report));
}

/** What Terraform would refuse in an answer to ReadDataSource. */
export function checkData(attributes: readonly Attribute[], config: ValueMap, state: ValueMap): string[] {
  return collect((report) => {
    checkStateInto(attributes, state, report);
    for (const { name, computed, shape } of attributes) {
      const [wrote, is] = [get(config, name), get(state, name)];
      if (
        wrote === null ? !computed && is !== null : !(wrote instanceof Unknown) && !sameValue(typeOf(shape), wrote, is)
      )
        report([attributeStep(name)], "is not as configured");
    }
  });
}

/** What can't stand in a configuration that is generated. */
export function checkConfig(attributes: readonly Attribute[], config: ValueMap): string[] {
  return collect((report) => {
    checkStateInto(attributes, config, report);
    for (const { name, required, optional } of attributes)
      if (!required && !optional && get(config, name) !== null)
        report([attributeStep(name)], "is the cloud's, and can't be configured");
  });
}
