import type { WatchEvent } from '@iovisor-ovn/proto';
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { streamAdmin } from './call.js';
import { watchKinds } from './changes.js';
import { completes } from './completion/kinds.js';
import { cliOptions } from './options.js';
import { jsonText } from './print.js';
import { documentJson } from './reference/json-shapes.js';
import { clean, colors } from './terminal.js';

const help = `
Kinds: ${watchKinds.join(', ')}.
Each event is a line: time, kind, what happened, of what, in words. Ends with Ctrl-C (status 0), when the coordinator ends
(status 3), or when this end does not read as fast as things change (status 1).
Problems that only an agent knows of are not among the events: iovctl problems --watch asks for them.`;

/** Adds `iovctl watch`. */
export function watch(program: Command): void {
  const command = program
    .command('watch')
    .description('what changes, as it changes: hypervisors, ports, problems, commits with their latency')
    .addArgument(new Argument('[name]', 'only this hypervisor, port or row'))
    .addOption(new Option('--kind <KINDS>', 'only these, separated by commas').argParser(parseKinds))
    .addOption(completes('node', new Option('--node <CHASSIS>', 'only what is about this hypervisor')))
    .addHelpText('after', help);
  documentJson(command, { message: 'WatchEvent', lines: true });
  command.action(async (name = '') => {
    const options = cliOptions(command);
    const { kind: kinds = [], node = '' } = command.opts<{ kind?: string[]; node?: string }>();
    const stopped = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
    const request = { kinds, node, name };
    for await (const event of streamAdmin(options, (client) => client.watch, request, {
      signal: stopped.signal,
    })) {
      const line = options.json ? jsonText(event, 0) : eventText(event);
      // What is not read here is not read there: the coordinator bounds what waits.
      if (!process.stdout.write(`${line}\n`))
        await new Promise((resolve) => process.stdout.once('drain', resolve));
    }
  });
}

/** One line for people. */
export function eventText({ time, kind, event, name, message }: WatchEvent): string {
  const what = name === '' ? kind : `${kind} ${clean(name)}`;
  return `${time} ${colors.bold(what)} ${painted(event)}: ${clean(message)}`;
}

function painted(event: string): string {
  if (['connected', 'up', 'solved', 'leading'].includes(event)) return colors.green(event);
  if (['disconnected', 'down', 'found', 'standby', 'unbound'].includes(event)) return colors.red(event);
  return event;
}

function parseKinds(text: string): string[] {
  const kinds = text.split(',').map((one) => one.trim());
  const unknown = kinds.find((one) => !(watchKinds as readonly string[]).includes(one));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`"${unknown}" is none of ${watchKinds.join(', ')}.`);
  return kinds;
}
