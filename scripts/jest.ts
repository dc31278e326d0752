// Runs Jest as the other scripts do; every argument goes to Jest: `npm run jest -- server/src/store`.
import { jest, show } from "./steps.ts";

process.exitCode = await show(jest(...process.argv.slice(2)));
