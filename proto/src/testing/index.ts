// For tests alone: the catalog with a kind that has every shape a field may have (photoncloud.test.v1.Widget).
import { type Catalog, readCatalog } from "../catalog.ts";
import { files, testFiles } from "../gen/files.ts";

let wide: Catalog | undefined;

/** The cloud's catalog and the test kind beside it. */
export function testCatalog(): Catalog {
  wide ??= readCatalog([...files, ...testFiles]);
  return wide;
}
