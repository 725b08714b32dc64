import { existsSync } from 'node:fs';
import {
  dateProblem,
  readMaterial,
  type TlsMaterial,
  type TlsPaths,
  validityOf,
} from '@iovisor-ovn/endpoint';
import type { Command } from 'commander';
import { type Address, addressText, isLocal, parseAddress } from '../config/address.js';
import { readTls } from '../config/coordinator-config.js';
import {
  camelCase,
  checkSetting,
  readSettingsFile,
  type Setting,
  type Settings,
  UsageError,
  variable,
} from '../config/settings.js';

/** Where settings come from that are neither flags nor in the environment, and no file is named; it need not be there. */
export const defaultConfigFile = '/etc/iovisor/iovctl.yaml';

/** What all subcommands share: flags, environment variables, and keys of the configuration file. */
export const connectionSettings: readonly Setting[] = [
  {
    name: 'coordinator',
    value: 'ADDR',
    description: 'HOST:PORT or unix:PATH',
    default: '127.0.0.1:6650',
  },
  { name: 'tls-cert', value: 'FILE', description: 'PEM certificate of this client' },
  { name: 'tls-key', value: 'FILE', description: 'its private key' },
  { name: 'tls-ca', value: 'FILE', description: 'CA of the coordinator’s certificate' },
  {
    name: 'tls-server-name',
    value: 'NAME',
    description: 'name that certificate must bear, too; without it any of that CA will do',
  },
  { name: 'insecure-plaintext', description: 'speak with other machines without TLS' },
];

/** The flag that names that file. */
export const configSetting: Setting = {
  name: 'config',
  value: 'FILE',
  description: 'YAML file with these names as keys; the usual one need not be there',
  default: defaultConfigFile,
};

export interface CliOptions {
  /** In gRPC's notation. */
  address: string;
  tls?: TlsMaterial;
  /** Name of the server's certificate; undefined: any that the authority has signed. */
  serverName?: string;
  /** Other machines may be spoken with in plain text. */
  insecure: boolean;
  json: boolean;
}

/** Throws UsageError when `address` is of another machine and would be spoken with in plain text. */
export function checkPlaintext(address: Address, { tls, insecure }: CliOptions): void {
  if (tls || insecure || isLocal(address)) return;
  throw new UsageError(
    `${addressText(address)} is another machine: give --tls-cert, --tls-key and --tls-ca, or --insecure-plaintext`,
  );
}

/**
 * The shared flags, completed from the environment, then from the configuration file. Throws UsageError.
 * @param standardFile is read where no file is named; it need not be there
 */
export function cliOptions(
  command: Command,
  env: NodeJS.ProcessEnv = process.env,
  standardFile = defaultConfigFile,
): CliOptions {
  const flags = command.optsWithGlobals<Record<string, string | boolean | undefined>>();
  const given = (name: string) => filled(flags[camelCase(name)]) ?? filled(env[variable(name)]);
  const file = readConfigFile(given('config'), standardFile);
  const value = (name: string) => given(name) ?? file.get(name);
  const address = parseAddress('coordinator', value('coordinator') ?? '127.0.0.1:6650');
  // A unix socket wants no certificate: those of the file are for the coordinator that it names, and perhaps for other eyes.
  const tlsValue = 'path' in address ? given : value;
  const paths = readTls(pick(['tls-cert', 'tls-key', 'tls-ca'], tlsValue));
  return {
    address: addressText(address),
    tls: paths && readValid(paths),
    serverName: value('tls-server-name'),
    insecure: value('insecure-plaintext') === 'true',
    json: flags.json === true,
  };
}

function readConfigFile(named: string | undefined, standardFile: string): ReadonlyMap<string, string> {
  if (named === undefined && !existsSync(standardFile)) return new Map();
  const file = readSettingsFile(named ?? standardFile, connectionSettings);
  for (const setting of connectionSettings) {
    const text = file.get(setting.name);
    if (text !== undefined) checkSetting(setting, text);
  }
  return file;
}

/** What is there and not empty, as text. */
function filled(value: string | boolean | undefined): string | undefined {
  return value === undefined || value === '' || value === false ? undefined : String(value);
}

function pick(names: readonly string[], value: (name: string) => string | undefined): Settings {
  return new Map(
    names.flatMap((name) => {
      const text = value(name);
      return text === undefined ? [] : [[name, text] as const];
    }),
  );
}

/** To the coordinator one that has expired would look like none, and this end like one that nobody answers. */
function readValid(paths: TlsPaths): TlsMaterial {
  const material = readMaterial(paths);
  const problem = dateProblem(validityOf(material.cert));
  if (problem !== undefined) throw new UsageError(`tls-cert: ${paths.cert}: ${problem}`);
  return material;
}
