// Where the process begins. The compile cache keeps the stripped and compiled sources between runs.
import { enableCompileCache } from "node:module";

enableCompileCache();
const { main, processIo } = await import("./index.ts");
process.exitCode = await main(process.argv.slice(2), processIo());
