import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "@jest/globals";
import { killProcess } from "./kill.ts";

test("a process is ended, and one that has ended already is no error", async () => {
  const child = spawn("sleep", ["60"]);
  const ended = once(child, "exit");
  killProcess(child.pid ?? 0);
  expect(await ended).toEqual([null, "SIGKILL"]);
  killProcess(child.pid ?? 0);
});
