// Writes catalog.golden.txt. A diff in it is reviewed like code.
import { writeFileSync } from "node:fs";
import { catalog, catalogText } from "../src/index.ts";

writeFileSync(new URL("../catalog.golden.txt", import.meta.url), catalogText(catalog()));
