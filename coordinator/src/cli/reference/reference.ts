import type { EventEmitter } from 'node:events';
import type { Argument, Command, Option } from 'commander';
import { exitTexts } from '../exit-codes.js';
import { type JsonShape, jsonShapeOf } from './json-shapes.js';
import { type ProtoField, type ProtoMessage, protoMessages, reachable } from './proto-messages.js';

const intro = `# iovctl

This page is made from the definitions of the commands and from \`proto/\` by \`npm run docs\`; a test fails when it is not current.

\`iovctl\` asks the coordinator; of several it may be any, but only the leader can ask agents. It changes nothing, but for
\`log-level\` with a level and \`topology apply\` and \`topology delete\`.

**Connection.** Flags win over environment variables, those over \`/etc/iovisor/iovctl.yaml\` or the file that \`--config\` names (keys are the
flags' names: [reference](reference.md#iovctl)); without any it is the coordinator at 127.0.0.1:6650. With TLS \`--tls-cert\`, \`--tls-key\` and
\`--tls-ca\` go together. Of a \`unix:PATH\` the file's certificates do not count. \`--config /dev/null\`: as if there were no file.

**Tables** are cut to the width of a terminal, the widest columns first, with an ellipsis; into a pipe or a file they go complete. Colours:
on a terminal only, and not with \`NO_COLOR\`. Names may be anything in OVN: control characters and those that reorder text are shown
escaped (\`\\x1b\`, \`\\u202e\`, \`\\n\`).

**JSON** (\`--json\`) is for programs: fields are added in later releases, never renamed or given another meaning. Lists are
arrays, sorted. Empty texts, zeros and empty arrays are there; only what is itself an object may be absent. 64-bit numbers are numbers
as far as JSON's can hold them (2^53), text beyond. What would do something to a terminal is written \`\\uXXXX\`, which is the same JSON.

**\`--watch\`** of the lists draws again when something changes, and every two seconds, until Ctrl-C (exit status 0). Into a pipe it appends: a
line \`# TIME\` and the table, or with \`--json\` one array a line.

**Completion**: \`source <(iovctl completion bash)\`, or zsh, or fish; also of names, by asking the coordinator.
`;

/** The page docs/iovctl.md. @param protoSources texts of the .proto files that JSON follows */
export function referenceText(program: Command, protoSources: readonly string[]): string {
  const commands = visible(program);
  const messages = protoSources.flatMap(protoMessages);
  const names = commands.flatMap((one) => jsonShapeOf(one)?.message ?? []);
  const parts = [
    intro,
    '## Exit status\n',
    table(
      ['status', 'meaning'],
      exitTexts.map(([code, meaning]) => [String(code), meaning]),
    ),
    '## Flags of all commands\n',
    optionTable(program.options),
    '## Commands\n',
    table(
      ['command', 'shows or does'],
      commands.map((one) => [`[\`${one.name()}\`](#${anchor(usage(one))})`, one.description()]),
    ),
    ...commands.map((one) => commandText(one)),
    '## JSON\n',
    'The objects that `--json` prints, field by field.\n',
    ...reachable(messages, names).map(messageText),
  ];
  return `${parts.join('\n').trimEnd()}\n`;
}

function visible(command: Command): Command[] {
  return command.createHelp().visibleCommands(command);
}

function usage(command: Command): string {
  const parents = command.parent ? [usage(command.parent)] : [];
  return [...parents, command.name(), ...command.registeredArguments.map(argumentText)].join(' ');
}

function argumentText(argument: Argument): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
}

function commandText(command: Command): string {
  const subcommands = visible(command).filter((one) => one.name() !== 'help');
  const arguments_ = command.registeredArguments.map((one) => [
    `\`${argumentText(one)}\``,
    withChoices(one.description, one.argChoices),
  ]);
  const help = helpAfter(command);
  const shape = jsonShapeOf(command);
  return [
    `### \`${usage(command)}\`\n`,
    `${sentence(command.description())}\n`,
    ...(arguments_.length > 0 ? [table(['argument', 'meaning'], arguments_)] : []),
    ...(command.options.length > 0 ? [optionTable(command.options)] : []),
    ...(subcommands.length > 0
      ? [
          table(
            ['subcommand', 'does'],
            subcommands.map((one) => [`\`${usage(one)}\``, one.description()]),
          ),
        ]
      : []),
    ...(help === '' ? [] : [`\`\`\`text\n${help}\n\`\`\`\n`]),
    ...(shape ? [`\`--json\`: ${shapeText(shape)}\n`] : []),
  ].join('\n');
}

/** What addHelpText('after') has. */
function helpAfter(command: Command): string {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  // Commander's types leave out that a command is an emitter, which addHelpText() is made of.
  (command as unknown as EventEmitter).emit('afterHelp', { error: false, command, write });
  return text.replace(/^\n+/, '').trimEnd();
}

function optionTable(options: readonly Option[]): string {
  return table(
    ['flag', 'meaning'],
    options.map((one) => [
      `\`${one.flags}\``,
      withChoices(one.description, one.argChoices, one.defaultValue),
    ]),
  );
}

function withChoices(text: string, choices: readonly string[] | undefined, byDefault?: unknown): string {
  const hints = [
    ...(choices ? [choices.map((one) => `\`${one}\``).join(', ')] : []),
    ...(byDefault === undefined ? [] : [`default: \`${String(byDefault)}\``]),
  ];
  return hints.length === 0 ? text : `${text} (${hints.join('; ')})`;
}

function shapeText({ message, many, lines, text }: JsonShape): string {
  const object = message === undefined ? '' : `[${message}](#${message.toLowerCase()})`;
  const whole =
    object === '' ? '' : lines ? `${object}, one a line` : many ? `an array of ${object}` : object;
  return [whole && `${whole}.`, text].filter(Boolean).join(' ');
}

function messageText({ name, comment, fields }: ProtoMessage): string {
  return [
    `### ${name}\n`,
    ...(comment === '' ? [] : [`${comment}\n`]),
    table(
      ['field', 'type', 'meaning'],
      fields.map((one) => [`\`${one.name}\``, typeText(one), one.comment]),
    ),
  ].join('\n');
}

const jsonTypes: Readonly<Record<string, string>> = {
  string: 'text',
  bool: 'boolean',
  bytes: 'bytes',
  double: 'number',
  uint32: 'number',
  int32: 'number',
  uint64: 'number',
  int64: 'number',
  fixed64: 'number',
};

function typeText({ type, repeated }: ProtoField): string {
  const map = /^map<\w+, (\w+)>$/.exec(type);
  if (map) return `object of ${jsonTypes[map[1]!] ?? map[1]}`;
  const one = jsonTypes[type] ?? `[${type}](#${type.toLowerCase()})`;
  return repeated ? `array of ${one}` : one;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line), ''].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** As code forges make them of headings. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-');
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
