// Stands in for the program firecracker: its arguments, its API on a unix socket with the published rules, its log, its ends. No guest runs in it.
// Started by `stand-in.ts`; imports nothing of ours but what is beside it, since it runs as a program of its own.
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { MicrovmModel } from "./model.ts";
import { apiServer } from "./server.ts";

const options = {
  "api-sock": { type: "string", default: "/run/firecracker.socket" },
  id: { type: "string", default: "anonymous-instance" },
  "log-path": { type: "string" },
  level: { type: "string" },
} as const;
const { values } = parseArgs({ options });
if (!/^[A-Za-z0-9-]{1,64}$/.test(values.id)) throw new Error("Invalid instance ID");

const log = (words: string) => {
  if (values["log-path"] !== undefined) appendFileSync(values["log-path"], `[${values.id}:main] ${words}\n`);
};
const model = new MicrovmModel({
  id: values.id,
  log,
  say: (words) => process.stdout.write(`${words}\n`),
  end: (code) => process.exit(code),
});

apiServer(model, log).listen(values["api-sock"]);
createInterface({ input: process.stdin }).on("line", (line) => model.hear(line));
