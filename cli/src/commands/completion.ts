// photon completion bash | zsh | fish: scripts that ask the command itself what may come next.
import { Argument, type Command } from "commander";
import type { Io } from "../io.ts";

const bash = `_photon() {
  local words
  words="$(photon __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)"
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _photon photon
`;

const zsh = `#compdef photon
_photon() {
  local -a answers
  answers=(\${(f)"$(photon __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  compadd -a answers
}
compdef _photon photon
`;

const fish = `function __photon_complete
  set -l words (commandline -opc) (commandline -ct)
  photon __complete $words[2..-1] 2>/dev/null
end
complete -c photon -f -a '(__photon_complete)'
`;

const scripts: Readonly<Record<string, string>> = { bash, zsh, fish };

/**
 * What may stand where the last of these words stands: commands, flags, or the choices of the flag before it.
 *
 * @param program The whole program.
 */
export function completions(program: Command, words: readonly string[]): string[] {
  const before = words.slice(0, -1);
  let command = program;
  for (const word of before) command = command.commands.find((child) => child.name() === word) ?? command;
  const last = command.options.find((option) => option.long === before.at(-1) || option.short === before.at(-1));
  if (last?.argChoices !== undefined) return [...last.argChoices];
  const shown = last?.required === true ? /<([a-z0-9_]+(?:\|[a-z0-9_]+)+)>/.exec(last.flags)?.[1] : undefined;
  if (last?.required === true) return shown?.split("|") ?? [];
  if ((words.at(-1) ?? "").startsWith("-"))
    return command.options.filter((option) => !option.hidden).flatMap((option) => option.long ?? []);
  return command.commands.map((child) => child.name());
}

export function addCompletionCommand(program: Command, io: Io): void {
  program
    .command("completion")
    .description("prints a script for your shell: source <(photon completion bash)")
    .addArgument(new Argument("<shell>").choices(Object.keys(scripts)))
    .action((shell: string) => io.out(scripts[shell] ?? ""));
}
