import type { NameList, NamesRequest } from '@iovisor-ovn/proto';
import type { Argument, Command, Option } from 'commander';
import { callAdmin } from '../call.js';
import { cliOptions } from '../options.js';
import { clean } from '../terminal.js';
import { completionOf, type NameKind } from './kinds.js';

/** Nobody waits longer for a completion. */
const patienceMs = 1500;
const mostNames = 500;

/** What may stand where the cursor is. */
export interface Candidate {
  word: string;
  /** Beside it, in shells that show that. */
  description: string;
}

/** Asks for names; rejects when they cannot be had. */
export type NameSource = (kind: NameKind, prefix: string) => Promise<readonly string[]>;

/** Words that may stand in the place of the last one. `file`: names of files may, too. */
export interface Completion {
  candidates: Candidate[];
  file: boolean;
}

/**
 * What completes a command line.
 * @param words after "iovctl"; the last one, which may be empty, is to be completed
 */
export async function complete(
  program: Command,
  words: readonly string[],
  names: NameSource,
): Promise<Completion> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const place = walk(program, before);
  const found = await candidatesAt(place, current, names);
  const candidates = found.candidates
    .filter(({ word }) => word.startsWith(current) && clean(word) === word)
    .map(({ word, description }) => ({ word, description: clean(description) }));
  return { candidates, file: found.file };
}

/** Where in the command line the cursor is. */
interface Place {
  command: Command;
  /** The option whose value is wanted. */
  option?: Option;
  /** How many arguments of the command are there. */
  given: number;
}

function walk(program: Command, before: readonly string[]): Place {
  let command = program;
  let given = 0;
  let option: Option | undefined;
  for (const word of before) {
    if (option) {
      option = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const named = optionsOf(command).find(({ long, short }) => word === long || word === short);
      if (named && (named.required || named.optional)) option = named;
      continue;
    }
    const next = given === 0 ? command.commands.find((one) => one.name() === word) : undefined;
    if (next) command = next;
    else given++;
  }
  return { command, option, given };
}

async function candidatesAt(
  { command, option, given }: Place,
  current: string,
  names: NameSource,
): Promise<Completion> {
  if (option) return valuesOf(option, current, names);
  if (current.startsWith('-'))
    return {
      candidates: optionsOf(command).flatMap(({ long, description }) =>
        long ? [{ word: long, description }] : [],
      ),
      file: false,
    };
  const argument = command.registeredArguments[given];
  const values = argument ? await valuesOf(argument, current, names) : { candidates: [], file: false };
  const commands =
    given > 0 ? [] : visible(command).map((one) => ({ word: one.name(), description: one.description() }));
  return { candidates: [...commands, ...values.candidates], file: values.file };
}

async function valuesOf(of: Argument | Option, current: string, names: NameSource): Promise<Completion> {
  const fixed = (of.argChoices ?? []).map((word) => ({ word, description: '' }));
  const completion = completionOf(of);
  if (!completion) return { candidates: fixed, file: false };
  if (completion.kind === 'file') return { candidates: fixed, file: true };
  // No coordinator, no names: a completion is no place for complaints.
  const found = await names(completion.kind, current).catch(() => []);
  const words = [...completion.also, ...found];
  return { candidates: [...fixed, ...words.map((word) => ({ word, description: '' }))], file: false };
}

/** Its own and those of the commands above it. */
function optionsOf(command: Command): Option[] {
  const above = command.parent ? optionsOf(command.parent) : [];
  return [
    ...command.options,
    ...above.filter(({ long }) => !command.options.some((own) => own.long === long)),
  ];
}

function visible(command: Command): Command[] {
  return command.createHelp().visibleCommands(command);
}

/** Names that the coordinator of this command line knows. */
export function coordinatorNames(command: Command): NameSource {
  return async (kind, prefix) => {
    const request = { kind, prefix, limit: mostNames };
    const { names } = await callAdmin<NamesRequest, NameList>(
      cliOptions(command),
      (client) => client.listNames,
      request,
      patienceMs,
    );
    return names;
  };
}
