import type { Command } from 'commander';
import { addressText, parseAddress } from '../config/address.js';
import { readTls, type TlsMaterial } from '../config/coordinator-config.js';

/** Flags that all subcommands share. */
export const connectionSettings = [
  {
    flags: '--coordinator <ADDR>',
    description: 'HOST:PORT or unix:PATH (IOVISOR_COORDINATOR; default: 127.0.0.1:6650)',
  },
  { flags: '--tls-cert <FILE>', description: 'PEM certificate of this client (IOVISOR_TLS_CERT)' },
  { flags: '--tls-key <FILE>', description: 'its private key (IOVISOR_TLS_KEY)' },
  { flags: '--tls-ca <FILE>', description: 'CA of the coordinator’s certificate (IOVISOR_TLS_CA)' },
] as const;

export interface CliOptions {
  /** In gRPC's notation. */
  address: string;
  tls?: TlsMaterial;
  json: boolean;
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
  const address = given('coordinator', 'IOVISOR_COORDINATOR') ?? '127.0.0.1:6650';
  return {
    address: addressText(parseAddress('coordinator', address)),
    tls: readTls(files),
    json: flags.json === true,
  };
}
