// Builds what users install: the SDK, the provider and the constructs, each by its own script, one after the other where one needs another's output.
import { existsSync } from "node:fs";
import { node, show } from "./steps.ts";

const scripts = ["sdk/scripts/build.ts", "provider/scripts/build.ts", "constructs/scripts/build.ts"];
for (const script of scripts.filter((file) => existsSync(file))) {
  const code = await show(node(script, script));
  if (code !== 0) process.exit(code);
}
