import { readFileSync } from 'node:fs';
import { type Command, CommanderError, Option } from 'commander';
import { parse } from 'yaml';

/** A wrong flag, variable or file: the process ends with status 2 and this one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** One setting: a flag `--name`, an environment variable IOVISOR_NAME, a key in the YAML file. */
export interface Setting {
  /** Without the dashes: "tls-cert". */
  name: string;
  /** Placeholder of its value in the help, "FILE"; absent for a switch that is on or off. */
  value?: string;
  description: string;
  default?: string;
  choices?: readonly string[];
}

/** The values of the settings as texts; a switch is "true" when on. */
export type Settings = ReadonlyMap<string, string>;

/**
 * Reads settings from the command line, the environment and the file named by --config, in this order of precedence.
 * Throws UsageError for anything unknown or unreadable, and CommanderError with exit code 0 after --help and --version.
 */
export function readSettings(
  command: Command,
  settings: readonly Setting[],
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Settings {
  for (const setting of settings) command.addOption(settingOption(setting));
  command.option('--config <FILE>', 'YAML file with the same names as keys');
  quiet(command);
  parseArguments(command, argv);
  const flags = command.opts<Record<string, unknown>>();
  const configFile = text(flags.config) ?? env.IOVISOR_CONFIG;
  const file = configFile === undefined ? new Map<string, string>() : readSettingsFile(configFile, settings);
  const values = new Map<string, string>();
  for (const setting of settings) {
    const value =
      text(flags[camelCase(setting.name)]) ??
      env[variable(setting.name)] ??
      file.get(setting.name) ??
      setting.default;
    if (value === undefined) continue;
    checkSetting(setting, value);
    values.set(setting.name, value);
  }
  return values;
}

/** The command keeps silent and throws: what to print, and where, is the caller's choice. */
export function quiet(command: Command): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({ writeErr: () => undefined });
}

/** Parses, turning commander's complaints into UsageError. */
export function parseArguments(command: Command, argv: readonly string[]): void {
  try {
    command.parse(argv as string[]);
  } catch (error) {
    throw usage(error);
  }
}

/** A complaint of commander as UsageError; what --help and --version throw stays as it is. */
export function usage(error: unknown): unknown {
  if (!(error instanceof CommanderError) || error.exitCode === 0) return error;
  return new UsageError(error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' '));
}

/** The flag of a setting; its help names the environment variable and the default. */
export function settingOption(setting: Setting): Option {
  const flag = setting.value === undefined ? `--${setting.name}` : `--${setting.name} <${setting.value}>`;
  const hints = [variable(setting.name), setting.default && `default: ${setting.default}`].filter(Boolean);
  return new Option(flag, `${setting.description} (${hints.join('; ')})`);
}

/** The environment variable of the setting of this name. */
export function variable(name: string): string {
  return `IOVISOR_${name.replaceAll('-', '_').toUpperCase()}`;
}

/** As commander names the option of the setting of this name. */
export function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function text(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value);
}

/** Throws UsageError when the setting cannot have this value. */
export function checkSetting(setting: Setting, value: string): void {
  if (setting.choices && !setting.choices.includes(value))
    throw new UsageError(`${setting.name}: "${value}" is none of ${setting.choices.join(', ')}`);
  if (setting.value === undefined && value !== 'true' && value !== 'false')
    throw new UsageError(`${setting.name}: "${value}" is neither true nor false`);
}

/** What a YAML file says of these settings, as texts. Throws UsageError, also for keys that are none of them. */
export function readSettingsFile(path: string, settings: readonly Setting[]): Map<string, string> {
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8'), { logLevel: 'error' });
  } catch (error) {
    throw new UsageError(`config file ${path}: ${(error as Error).message.split('\n')[0]}`);
  }
  if (content === null || content === undefined) return new Map();
  if (typeof content !== 'object' || Array.isArray(content))
    throw new UsageError(`config file ${path}: a list of "key: value" lines is wanted`);
  return new Map(
    Object.entries(content).map(([key, value]) => {
      if (!settings.some((setting) => setting.name === key))
        throw new UsageError(`config file ${path}: unknown key "${key}"`);
      if (typeof value === 'object')
        throw new UsageError(`config file ${path}: "${key}" must be a single value`);
      return [key, String(value)];
    }),
  );
}
