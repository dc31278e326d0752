// Short programs, on the system's own.
import { expect, test } from "@jest/globals";
import { command, runCommand } from "./command.ts";

test.each([
  { words: ["printf", "%s", "it's 100 % $so"], ended: { code: 0, stdout: "it's 100 % $so", stderr: "" } },
  { words: ["sh", "-c", "echo out; echo err >&2; exit 3"], ended: { code: 3, stdout: "out\n", stderr: "err\n" } },
  { words: ["cat"], ended: { code: 0, stdout: "", stderr: "" } },
  { words: ["cat"], input: "two\nlines'\\n%d", ended: { code: 0, stdout: "two\nlines'\\n%d", stderr: "" } },
  { words: ["sleep", "60"], timeoutMs: 50, ended: { code: -1 } },
])("runCommand() of $words answers how it ended", async ({ words: [program = "", ...args], ended, ...options }) => {
  expect(await runCommand(program, args, options)).toMatchObject(ended);
});

test("runCommand() gives what it was given beside what all have", async () => {
  const { stdout } = await runCommand("sh", ["-c", "echo $OWN $PATH"], { env: { OWN: "'a'" } });
  expect(stdout).toMatch(/^'a' .*:\/usr\/sbin:\/usr\/bin:\/sbin:\/bin\n$/);
});

test("runCommand() runs many side by side, also ones that say much", async () => {
  const lengths = [0, 1, 100_000, 3_000_000];
  const all = await Promise.all(lengths.map((length) => runCommand("head", ["-c", String(length), "/dev/zero"])));
  expect(all.map(({ stdout }) => stdout.length)).toEqual(lengths);
});

test("runCommand() throws what it is aborted with, and ends the program", async () => {
  const mark = `61.${process.pid}`;
  const end = new AbortController();
  const running = runCommand("sleep", [mark], { signal: end.signal });
  const isThere = async () => (await runCommand("pgrep", ["-f", `^sleep ${mark}$`])).code === 0;
  while (!(await isThere())) expect(end.signal.aborted).toBe(false);
  end.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
  while (await isThere()) expect(end.signal.aborted).toBe(true);
  await expect(runCommand("sleep", [mark], { signal: end.signal })).rejects.toThrow("enough");
});

test("runCommand() of a program that is not there throws the system's error", async () => {
  await expect(runCommand("no-such-program", [])).rejects.toMatchObject({ code: "ENOENT" });
});

test("command() throws what a program complained of", async () => {
  expect(await command("echo", ["so"])).toBe("so\n");
  await expect(command("sh", ["-c", "echo bad >&2; exit 2"])).rejects.toThrow("ended with 2: bad");
});
