import { Argument, type Command } from 'commander';
import { complete, coordinatorNames } from './complete.js';
import { completionScripts, type Shell, shells } from './scripts.js';

const help = `
  source <(iovctl completion bash)      for this shell
  iovctl completion bash > /etc/bash_completion.d/iovctl
  iovctl completion zsh > "\${fpath[1]}/_iovctl"
  iovctl completion fish > ~/.config/fish/completions/iovctl.fish
Commands, flags, and names of ports, switches and hypervisors are completed; names by asking the coordinator, with the flags of
the command line so far. When none answers nothing is said.`;

/** Adds `iovctl completion`, and what its scripts ask. */
export function completion(program: Command): void {
  program
    .command('completion')
    .description('prints what makes a shell complete iovctl')
    .addArgument(new Argument('<shell>', 'which').choices(shells))
    .addHelpText('after', help)
    .action((shell: Shell) => {
      process.stdout.write(completionScripts[shell]);
    });
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const names = coordinatorNames(withFlags(program, words));
      const { candidates, file } = await complete(program, words, names);
      for (const { word, description } of candidates) process.stdout.write(`${word}\t${description}\n`);
      if (file) process.stdout.write('\t\n');
    });
}

/** The coordinator that the unfinished command line names, if it does. */
function withFlags(program: Command, words: readonly string[]): Command {
  for (const name of ['coordinator', 'tls-cert', 'tls-key', 'tls-ca']) {
    const at = words.indexOf(`--${name}`);
    const value = words[at + 1];
    const key = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    if (at >= 0 && at < words.length - 2 && value !== undefined) program.setOptionValue(key, value);
  }
  return program;
}
