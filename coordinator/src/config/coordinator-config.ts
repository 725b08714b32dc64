import { readFileSync } from 'node:fs';
import { parseRemotes } from '@iovisor-ovn/ovsdb-client';
import { Command } from 'commander';
import { type Address, isLocal, parseAddress } from './address.js';
import { readSettings, type Setting, type Settings, UsageError } from './settings.js';

/** PEM contents for gRPC. */
export interface TlsMaterial {
  cert: Buffer;
  key: Buffer;
  ca: Buffer;
}

export interface CoordinatorConfig {
  nb: string;
  sb: string;
  listen: readonly Address[];
  metrics?: Address;
  tls?: TlsMaterial;
  /** Agents can come over the network without TLS, and nobody said that this is wanted. */
  warnPlaintext: boolean;
  /** PEM files for `ssl:` remotes of the databases. */
  database: { certFile?: string; keyFile?: string; caFile?: string };
  logLevel: string;
}

export const tlsSettings: readonly Setting[] = [
  { name: 'tls-cert', value: 'FILE', description: 'PEM certificate of this end of gRPC' },
  { name: 'tls-key', value: 'FILE', description: 'its private key' },
  { name: 'tls-ca', value: 'FILE', description: 'CA that the other ends’ certificates must be signed by' },
];

export const coordinatorSettings: readonly Setting[] = [
  {
    name: 'nb',
    value: 'REMOTES',
    description: 'OVN Northbound database',
    default: 'unix:/var/run/ovn/ovnnb_db.sock',
  },
  {
    name: 'sb',
    value: 'REMOTES',
    description: 'OVN Southbound database',
    default: 'unix:/var/run/ovn/ovnsb_db.sock',
  },
  {
    name: 'listen',
    value: 'ADDR',
    description: 'HOST:PORT or unix:PATH for agents and iovctl, comma-separated',
    default: '127.0.0.1:6650',
  },
  { name: 'metrics', value: 'ADDR', description: 'HOST:PORT or unix:PATH for Prometheus' },
  ...tlsSettings,
  { name: 'db-cert', value: 'FILE', description: 'PEM certificate for ssl: databases' },
  { name: 'db-key', value: 'FILE', description: 'its private key' },
  { name: 'db-ca', value: 'FILE', description: 'CA of the databases’ certificates' },
  {
    name: 'insecure-listen-plaintext',
    description:
      'without TLS whoever reaches a network --listen address can be any hypervisor: do not warn of it, it is wanted',
  },
  {
    name: 'log-level',
    value: 'LEVEL',
    description: 'least severe level to log',
    default: 'info',
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
  },
];

/** Reads and checks the coordinator's configuration. Throws UsageError. */
export function readCoordinatorConfig(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  version: string,
): CoordinatorConfig {
  const command = new Command('iovisor-coordinator')
    .description('Compiles OVN’s logical networks for the agents of IOVisor-OVN')
    .version(version);
  const values = readSettings(command, coordinatorSettings, argv, env);
  const listen = (values.get('listen') ?? '').split(',').map((text) => parseAddress('listen', text.trim()));
  const tls = readTls(values);
  const exposed = !tls && listen.some((address) => !isLocal(address));
  const metrics = values.get('metrics');
  return {
    nb: remotes(values, 'nb'),
    sb: remotes(values, 'sb'),
    listen,
    metrics: metrics === undefined ? undefined : parseAddress('metrics', metrics),
    tls,
    warnPlaintext: exposed && values.get('insecure-listen-plaintext') !== 'true',
    database: readDatabaseFiles(values),
    logLevel: values.get('log-level') ?? 'info',
  };
}

/** The --tls-* files, all or none. Throws UsageError. */
export function readTls(values: Settings): TlsMaterial | undefined {
  const names = ['tls-cert', 'tls-key', 'tls-ca'] as const;
  const given = names.filter((name) => values.has(name));
  if (given.length === 0) return undefined;
  const missing = names.find((name) => !values.has(name));
  if (missing) throw new UsageError(`${missing} is missing: --tls-cert, --tls-key and --tls-ca go together`);
  const [cert, key, ca] = names.map((name) => readPem(name, values.get(name) ?? ''));
  return { cert: cert!, key: key!, ca: ca! };
}

function readDatabaseFiles(values: Settings): CoordinatorConfig['database'] {
  const file = (name: string) => {
    const path = values.get(name);
    if (path !== undefined) readPem(name, path);
    return path;
  };
  const files = { certFile: file('db-cert'), keyFile: file('db-key'), caFile: file('db-ca') };
  const ssl = ['nb', 'sb'].find((name) => /(^|,)\s*ssl:/.test(values.get(name) ?? ''));
  if (ssl && !(files.certFile && files.keyFile && files.caFile))
    throw new UsageError(`${ssl}: ssl: remotes need --db-cert, --db-key and --db-ca`);
  return files;
}

function readPem(setting: string, path: string): Buffer {
  try {
    const content = readFileSync(path);
    if (!content.includes('-----BEGIN')) throw new Error('is no PEM file');
    return content;
  } catch (error) {
    throw new UsageError(`${setting}: ${path}: ${(error as Error).message}`);
  }
}

function remotes(values: Settings, name: string): string {
  const text = values.get(name) ?? '';
  try {
    parseRemotes(text);
    return text;
  } catch (error) {
    throw new UsageError(`${name}: ${(error as Error).message}`);
  }
}
