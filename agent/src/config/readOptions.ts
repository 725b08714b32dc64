import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { parse } from 'yaml';
import { OPTIONS, type OptionName, type OptionSpec, type RawOptions } from './options.js';
import { UsageError } from './usageError.js';

/** Help or the version was asked for and printed: end with status 0. */
export class Printed extends Error {}

/**
 * Flags before environment before file before defaults.
 * @throws UsageError, Printed
 */
export function readOptions(argv: readonly string[], env: NodeJS.ProcessEnv, version: string): RawOptions {
  const flags = fromFlags(argv, version);
  const environment = fromEnvironment(env);
  const path = flags.config ?? environment.config;
  const file = path === undefined ? {} : fromFile(path);
  const defaults = Object.fromEntries(
    (OPTIONS as readonly OptionSpec[]).flatMap((option) =>
      option.default === undefined ? [] : [[option.name, option.default]],
    ),
  );
  return { ...defaults, ...file, ...environment, ...flags };
}

function fromFlags(argv: readonly string[], version: string): RawOptions {
  const command = new Command('iovisor-agent')
    .description('Forwards OVN logical networks on this hypervisor with eBPF')
    .version(version)
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  for (const option of OPTIONS as readonly OptionSpec[]) {
    const flag = option.value === undefined ? `--${option.name}` : `--${option.name} <${option.value}>`;
    const suffix = option.default === undefined ? '' : ` (default: ${option.default})`;
    command.option(flag, `${option.description}${suffix}; env ${environmentName(option.name)}`);
  }
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) throw new Printed();
    throw new UsageError(`${error.message.replace(/^error: /, '').split('\n')[0]}; see --help`);
  }
  const values = command.opts<Record<string, string | boolean>>();
  return Object.fromEntries(
    OPTIONS.flatMap(({ name }) => {
      const value = values[camelCase(name)];
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
}

function fromEnvironment(env: NodeJS.ProcessEnv): RawOptions {
  const found: RawOptions = {};
  for (const { name } of OPTIONS) {
    const value = env[environmentName(name)];
    if (value !== undefined && value !== '')
      found[name] = checkSwitch(name, value, `environment ${environmentName(name)}`);
  }
  return found;
}

/** Variables meant for the other executables share the prefix, so unknown ones are no error. */
function environmentName(name: string): string {
  return `IOVISOR_${name.toUpperCase().replaceAll('-', '_')}`;
}

function fromFile(path: string): RawOptions {
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8'), { logLevel: 'error' });
  } catch (error) {
    throw new UsageError(`--config ${path}: ${(error as Error).message.split('\n')[0]}`);
  }
  if (content === null || content === undefined) return {};
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new UsageError(`--config ${path}: not a mapping of options to values`);
  }
  const found: RawOptions = {};
  for (const [key, value] of Object.entries(content)) {
    const option = OPTIONS.find(({ name }) => name === key && name !== 'config');
    if (option === undefined) throw new UsageError(`--config ${path}: unknown key "${key}"`);
    const text = Array.isArray(value) ? value.join(',') : value;
    if (!['string', 'number', 'boolean'].includes(typeof text)) {
      throw new UsageError(`--config ${path}: the value of "${key}" is no text`);
    }
    found[option.name] = checkSwitch(option.name, String(text), `--config ${path}: "${key}"`);
  }
  return found;
}

function checkSwitch(name: OptionName, value: string, where: string): string {
  const spec: OptionSpec | undefined = OPTIONS.find((option) => option.name === name);
  if (spec?.value === undefined && value !== 'true' && value !== 'false') {
    throw new UsageError(`${where} is true or false, not "${value}"`);
  }
  return value;
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
