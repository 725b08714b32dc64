// What an executable says with --help, taken apart: the one description of its options, whatever they are made of.
import { execFileSync } from 'node:child_process';

/**
 * @typedef {{ term: string, text: string }} Entry an option, an argument or a subcommand
 * @typedef {{ name: string, usage: string, description: string, arguments: Entry[], options: Entry[], commands: Help[], more: string }} Help
 * `more`: what follows, to be shown as it is
 */

/** @returns {Help} of a command and all its subcommands */
export function helpOf(script, words = [], name = '') {
  const text = execFileSync(process.execPath, [script, ...words, '--help'], {
    encoding: 'utf8',
    // Nothing of this machine's; long lines, so that only what is meant to break does.
    env: { PATH: process.env.PATH, COLUMNS: '10000', NO_COLOR: '1' },
  });
  const help = parseHelp(text);
  const commands = help.commands.filter(({ term }) => !/^help\b/.test(term));
  return {
    ...help,
    name,
    commands: commands.map(({ term, text: description }) => {
      const word = term.split(/[ |]/)[0];
      const below = helpOf(script, [...words, word], word);
      return { ...below, description: below.description || description };
    }),
  };
}

/** @param {string} text as commander writes it */
export function parseHelp(text) {
  const blocks = text.trimEnd().split('\n\n');
  const found = { usage: '', description: '', arguments: [], options: [], commands: [], more: '' };
  const more = [];
  for (const block of blocks) {
    const [first, ...lines] = block.split('\n');
    const section = /^(Usage|Arguments|Options|Commands):\s*(.*)$/.exec(first);
    if (section?.[1] === 'Usage') found.usage = section[2];
    else if (section) found[section[1].toLowerCase()] = entries(lines);
    else if (found.description === '' && found.options.length === 0) found.description = block.trim();
    else more.push(block);
  }
  return { ...found, more: more.join('\n\n') };
}

/** `  term  text`, with the text going on in lines that are indented as deep. */
function entries(lines) {
  const found = [];
  for (const line of lines) {
    const [, term, text] = /^ {2}(\S.*?)(?: {2,}(.*))?$/.exec(line) ?? [];
    if (term !== undefined) found.push({ term, text: text ?? '' });
    else if (found.length > 0) found.at(-1).text += ` ${line.trim()}`;
  }
  return found.map(({ term, text }) => ({ term, text: text.trim() }));
}
