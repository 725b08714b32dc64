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
import { UsageError } from '../config/settings.js';

/** Flags that all subcommands share. */
export const connectionSettings = [
  {
    flags: '--coordinator <ADDR>',
    description: 'HOST:PORT or unix:PATH (IOVISOR_COORDINATOR; default: 127.0.0.1:6650)',
  },
  { flags: '--tls-cert <FILE>', description: 'PEM certificate of this client (IOVISOR_TLS_CERT)' },
  { flags: '--tls-key <FILE>', description: 'its private key (IOVISOR_TLS_KEY)' },
  { flags: '--tls-ca <FILE>', description: 'CA of the coordinator’s certificate (IOVISOR_TLS_CA)' },
  {
    flags: '--tls-server-name <NAME>',
    description: 'name that certificate must bear, too (IOVISOR_TLS_SERVER_NAME; default: any of that CA)',
  },
  {
    flags: '--insecure-plaintext',
    description: 'speak with other machines without TLS (IOVISOR_INSECURE_PLAINTEXT=true)',
  },
] as const;

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

/** The shared flags, completed from the environment. Throws UsageError. */
export function cliOptions(command: Command, env: NodeJS.ProcessEnv = process.env): CliOptions {
  const flags = command.optsWithGlobals<Record<string, string | boolean | undefined>>();
  const given = (flag: string, variable: string) => {
    const value = flags[flag] ?? env[variable];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const files = new Map<string, string>();
  for (const [flag, name] of [
    ['tlsCert', 'tls-cert'],
    ['tlsKey', 'tls-key'],
    ['tlsCa', 'tls-ca'],
  ] as const) {
    const path = given(flag, `IOVISOR_${name.replace('-', '_').toUpperCase()}`);
    if (path !== undefined) files.set(name, path);
  }
  const paths = readTls(files);
  const address = given('coordinator', 'IOVISOR_COORDINATOR') ?? '127.0.0.1:6650';
  return {
    address: addressText(parseAddress('coordinator', address)),
    tls: paths && readValid(paths),
    serverName: given('tlsServerName', 'IOVISOR_TLS_SERVER_NAME'),
    insecure: flags.insecurePlaintext === true || env.IOVISOR_INSECURE_PLAINTEXT === 'true',
    json: flags.json === true,
  };
}

/** To the coordinator one that has expired would look like none, and this end like one that nobody answers. */
function readValid(paths: TlsPaths): TlsMaterial {
  const material = readMaterial(paths);
  const problem = dateProblem(validityOf(material.cert));
  if (problem !== undefined) throw new UsageError(`tls-cert: ${paths.cert}: ${problem}`);
  return material;
}
