// The catalog that a provider process works with: run from its source, what the descriptors say; built, what the build packed, which is read by parts.
import { type CatalogFacts, catalog, type PackedCatalog, unpackCatalog } from "@photoncloud/proto";

/** The build puts these in. */
declare const PHOTON_PACKED: boolean | undefined;
declare const PHOTON_CATALOG: PackedCatalog;

let whole: CatalogFacts | undefined;

/** Everything that the cloud is; the same at each call. */
export function theCatalog(): CatalogFacts {
  whole ??= typeof PHOTON_PACKED === "undefined" ? catalog() : unpackCatalog(PHOTON_CATALOG);
  return whole;
}
