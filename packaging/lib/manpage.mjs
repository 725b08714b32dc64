// man pages out of --help and the sections in packaging/man that only people can write.

/**
 * @param {import('./help.mjs').Help} help
 * @param {{ name: string, section: number, version: string, seconds: number, more: string }} page `more`: sections in man(7)'s language
 */
export function manPage(help, { name, section, version, seconds, more }) {
  const date = new Date(seconds * 1000).toISOString().slice(0, 10);
  const [, usage = ''] = /^\S+\s*(.*)$/.exec(help.usage) ?? [];
  return [
    `.TH ${name.toUpperCase()} ${section} ${date} "IOVisor-OVN ${version}" IOVisor-OVN`,
    '.SH NAME',
    `${roff(name)} \\- ${roff(lowerFirst(help.description))}`,
    '.SH SYNOPSIS',
    `.B ${roff(name)}`,
    roff(usage),
    ...(help.arguments.length > 0 ? ['.SH ARGUMENTS', ...help.arguments.flatMap(tagged)] : []),
    '.SH OPTIONS',
    ...help.options.flatMap(tagged),
    ...(help.commands.length > 0
      ? ['.SH COMMANDS', ...help.commands.flatMap((c) => command(c, [c.name]))]
      : []),
    ...verbatim(help.more),
    more.trim(),
    '',
  ].join('\n');
}

function command(help, words) {
  const [, usage = ''] = new RegExp(`\\b${words.join(' ')}\\s*(.*)$`).exec(help.usage) ?? [];
  const options = help.options.filter(({ term }) => !/--help\b/.test(term));
  const shown = usage.replace(/\s*\[(options|command)\]/g, '').trim();
  return [
    `.SS ${roff([...words, shown].join(' ').trim())}`,
    roff(sentence(help.description)),
    ...help.arguments.flatMap(tagged),
    ...options.flatMap(tagged),
    ...verbatim(help.more),
    ...help.commands.flatMap((below) => command(below, [...words, below.name])),
  ];
}

const tagged = ({ term, text }) => ['.TP', `.B ${roff(term)}`, roff(sentence(text))];
const verbatim = (text) => (text === '' ? [] : ['.PP', '.nf', ...text.split('\n').map(roff), '.fi']);
const lowerFirst = (text) => text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, '');
const sentence = (text) => (text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}`);

/** A line that troff shows as it is. */
function roff(line) {
  const text = line.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq');
  return /^[.']/.test(text) ? `\\&${text}` : text;
}
