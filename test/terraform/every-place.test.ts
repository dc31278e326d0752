// What the generic suites leave out, by name: every other place of every kind is set, changed, drifted and imported (every-field.test.ts), and a kind
// that is added to the catalog is tried without a line of its own. These lists may only shrink.
import { expect, test } from "@jest/globals";
import { catalog, type Kind } from "@photoncloud/proto";
import { type Place, placeName, placesOf } from "./every-field/places.ts";
import { attributesOf, Drawer, subjectsOf } from "./every-field/subject.ts";

const { kinds } = catalog();
const subjects = subjectsOf(kinds, new Drawer(1));

/** Where a resource lives follows from what it refers to, or has a kind's innermost level tried; the rest is the provider's own, not the cloud's. */
const isLeftOut = (kind: Kind, { attributes: [root] }: Place): boolean =>
  ["org_id", "project_id", "timeouts"].includes(root.name) ||
  (root.field === undefined && attributesOf(kind).some((a) => a.writeOnly && `${a.name}_version` === root.name));

test("every place of every kind is tried, but where a resource lives and what is the provider's own", () => {
  const tried = new Set(subjects.map(({ kind, place }) => `${kind.noun}.${placeName(place)}`));
  const places = kinds.flatMap((kind) => placesOf(attributesOf(kind)).map((place) => ({ kind, place })));
  const left = places.filter(({ kind, place }) => !tried.has(`${kind.noun}.${placeName(place)}`));
  expect(left.filter(({ kind, place }) => !isLeftOut(kind, place))).toEqual([]);
  expect(new Set(subjects.map(({ kind }) => kind))).toEqual(new Set(kinds));
});

/** Of what no two values can be had: a message whose parts are tried instead, a choice of one, or what must fit to something else. */
const ofOneValue = [
  "org.account_policy",
  "port.bandwidth",
  "route.drop",
  "route.elastic_gateway",
  "vm.spec.boot_order",
  "vm.spec.disks.id",
  "vm.spec.host_labels",
];

test("every place is given two values, but those that have one alone", () => {
  const fixed = subjects.filter((subject) => {
    const had = subject.value !== undefined;
    const changes = [subject.change(), subject.change()].filter((changed) => changed).length;
    return changes + Number(had) < 2;
  });
  const names = fixed.map(({ kind, place }) => `${kind.noun}.${placeName(place)}`).sort();
  expect(names).toEqual(ofOneValue);
});
