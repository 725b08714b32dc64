import { readFileSync } from 'node:fs';
import {
  certificateFiles,
  givenTls,
  type OptionNames,
  TlsOptionError,
  type TlsPaths,
  usablePaths,
} from '@iovisor-ovn/endpoint';
import { logLevels } from '@iovisor-ovn/log/levels';
import { parseRemotes } from '@iovisor-ovn/ovsdb-client';
import { Command } from 'commander';
import { type Address, addressText, isLocal, parseAddress } from './address.js';
import { readSettings, type Setting, type Settings, UsageError } from './settings.js';

export interface CoordinatorConfig {
  nb: string;
  sb: string;
  listen: readonly Address[];
  metrics?: Address;
  /** Files with certificates, by the option that names them; undefined: not given. */
  certificateFiles: Readonly<Record<string, string | undefined>>;
  /** Files that could be used a moment ago. */
  tls?: TlsPaths;
  /** Metrics are plain HTTP even on a network address. */
  plainMetrics: boolean;
  /** Names of certificates that may use Admin. */
  rbac: { admin: readonly string[]; readOnly: readonly string[] };
  /** PEM files for `ssl:` remotes of the databases. */
  database: { certFile?: string; keyFile?: string; caFile?: string };
  logLevel: string;
}

export const tlsSettings: readonly Setting[] = [
  { name: 'tls-cert', value: 'FILE', description: 'PEM certificate of this end of gRPC' },
  { name: 'tls-key', value: 'FILE', description: 'its private key' },
  { name: 'tls-ca', value: 'FILE', description: 'CA that the other ends’ certificates must be signed by' },
];

/** Settings that name the files for `ssl:` remotes of the databases. */
export const databaseTls: OptionNames = { cert: 'db-cert', key: 'db-key', ca: 'db-ca' };

/** All that iovisor-coordinator can be told, but for --config. */
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
      'listen on network addresses without TLS, though whoever reaches them can be any hypervisor and any operator',
  },
  {
    name: 'insecure-metrics-plaintext',
    description:
      'serve metrics on a network address to whoever asks, without TLS; they tell names and numbers, and change nothing',
  },
  {
    name: 'rbac-admin',
    value: 'NAME[,NAME…]',
    description: 'names of certificates that may use all of iovctl',
    default: 'iovisor-admin',
  },
  {
    name: 'rbac-read-only',
    value: 'NAME[,NAME…]',
    description: 'names of certificates that may look, with iovctl and at metrics',
    default: 'iovisor-read-only',
  },
  {
    name: 'log-level',
    value: 'LEVEL',
    description: 'least severe level to log',
    default: 'info',
    choices: logLevels,
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
  const metrics = values.get('metrics');
  const metricsAddress = metrics === undefined ? undefined : parseAddress('metrics', metrics);
  const plainMetrics = values.get('insecure-metrics-plaintext') === 'true';
  if (!tls) refusePlaintext(values, listen, plainMetrics ? undefined : metricsAddress);
  return {
    nb: remotes(values, 'nb'),
    sb: remotes(values, 'sb'),
    listen,
    metrics: metricsAddress,
    certificateFiles: certificateFiles((name) => values.get(name), databaseTls.cert, databaseTls.ca),
    tls,
    plainMetrics,
    rbac: { admin: names(values, 'rbac-admin'), readOnly: names(values, 'rbac-read-only') },
    database: readDatabaseFiles(values),
    logLevel: values.get('log-level') ?? 'info',
  };
}

/** Plain text stays on this machine, unless somebody says that it need not. Throws UsageError. */
function refusePlaintext(values: Settings, listen: readonly Address[], metrics: Address | undefined): void {
  const exposed = listen.find((address) => !isLocal(address));
  if (exposed && values.get('insecure-listen-plaintext') !== 'true')
    throw new UsageError(
      `listen: ${addressText(exposed)} can be reached from other machines, and without TLS whoever reaches it can be any hypervisor: give --tls-cert, --tls-key and --tls-ca, or a loopback address or unix:PATH, or --insecure-listen-plaintext`,
    );
  if (metrics && !isLocal(metrics))
    throw new UsageError(
      `metrics: ${addressText(metrics)} can be reached from other machines: give --tls-cert, --tls-key and --tls-ca, or a loopback address or unix:PATH, or --insecure-metrics-plaintext`,
    );
}

function names(values: Settings, setting: string): string[] {
  const given = (values.get(setting) ?? '').split(',');
  return given.map((name) => name.trim()).filter((name) => name !== '');
}

/** The --tls-* files, all or none; checked. Throws UsageError. */
export function readTls(values: Settings): TlsPaths | undefined {
  return usable(() => givenTls((name) => values.get(name)));
}

function usable<T>(look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw error instanceof TlsOptionError ? new UsageError(error.message) : error;
  }
}

function readDatabaseFiles(values: Settings): CoordinatorConfig['database'] {
  const file = (name: string) => {
    const path = values.get(name);
    if (path !== undefined) readPem(name, path);
    return path;
  };
  const [cert, key, ca] = [file(databaseTls.cert), file(databaseTls.key), file(databaseTls.ca)];
  const ssl = ['nb', 'sb'].find((name) => /(^|,)\s*ssl:/.test(values.get(name) ?? ''));
  if (cert && key && ca) usable(() => usablePaths({ cert, key, ca }, databaseTls));
  else if (ssl) throw new UsageError(`${ssl}: ssl: remotes need --db-cert, --db-key and --db-ca`);
  return { certFile: cert, keyFile: key, caFile: ca };
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
