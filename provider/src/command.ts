// Which of Terraform's commands this process serves: the protocol does not say, the command line that started it does.

/** Whether it is a plan and no more. An apply makes one, too, and must find again whatever that has shown. */
export const isPlan = (commandLine: readonly string[]): boolean =>
  commandLine.slice(1).find((argument) => !argument.startsWith("-")) === "plan";
