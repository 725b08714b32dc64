import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { type LogLevelName, logLevels } from '@iovisor-ovn/log/levels';
import { parseRemotes } from '@iovisor-ovn/ovsdb-client';
import type { HookChoice } from '../datapath/index.js';
import { type Address, formatAddress, isLocal, parseAddress, parseAddresses } from '../session/address.js';
import type { OptionName, RawOptions } from './options.js';
import { UsageError } from './usageError.js';

/** Options that name files with certificates. */
const CERTIFICATES = ['tls-cert', 'tls-ca', 'hover-client-ca'] as const satisfies readonly OptionName[];

/** File names and contents of the agent's identity. */
export interface TlsIdentity {
  certFile: string;
  keyFile: string;
  caFile: string;
  cert: Buffer;
  key: Buffer;
  ca: Buffer;
}

export interface Config {
  ovsdb: string;
  /** Undefined: the local Open_vSwitch row says it. */
  coordinator: Address[] | undefined;
  bpffs: string;
  hook: HookChoice;
  /** Undefined: off. */
  hover: Address | undefined;
  /** Who signs clients of the Hover API; undefined: it is for this machine only. */
  hoverClientCa: Buffer | undefined;
  /** User modules may touch what belongs to OVN. */
  hoverAllowOvnPorts: boolean;
  health: Address | undefined;
  metrics: Address | undefined;
  /** How many ports have metrics of their own. */
  metricsPorts: number;
  /** Files with certificates, by the option that names them; undefined: not given. */
  certificateFiles: Readonly<Record<string, string | undefined>>;
  tls: TlsIdentity | undefined;
  insecurePlaintext: boolean;
  logLevel: LogLevelName;
  cleanup: boolean;
}

/** @throws UsageError naming the option */
export function makeConfig(raw: RawOptions): Config {
  const tls = tlsIdentity(raw);
  const insecurePlaintext = raw['insecure-plaintext'] === 'true';
  const coordinator = raw.coordinator === undefined ? undefined : of('coordinator', raw, parseAddresses);
  of('ovsdb', raw, parseRemotes);
  const bpffs = of('bpffs', raw, absolutePath);
  const hover = orNone('hover', raw);
  const hoverClientCa =
    raw['hover-client-ca'] === undefined
      ? undefined
      : of('hover-client-ca', raw, (path) => readFileSync(path));
  checkHover(hover, hoverClientCa, tls);
  return {
    ovsdb: raw.ovsdb!,
    coordinator,
    bpffs,
    hook: oneOf('hook', raw, ['auto', 'tcx', 'clsact'] as const),
    hover,
    hoverClientCa,
    hoverAllowOvnPorts: raw['hover-allow-ovn-ports'] === 'true',
    health: raw.health === undefined ? defaultHealth(bpffs) : orNone('health', raw),
    metrics: orNone('metrics', raw),
    metricsPorts: of('metrics-ports', raw, count),
    certificateFiles: Object.fromEntries(CERTIFICATES.map((name) => [name, raw[name]])),
    tls,
    insecurePlaintext,
    logLevel: oneOf('log-level', raw, logLevels),
    cleanup: raw.cleanup === 'true',
  };
}

/** Whether speaking to the coordinator at `address` deserves a warning: another machine, no TLS, and nobody said that is wanted. */
export function isExposed(address: Address, config: Pick<Config, 'tls' | 'insecurePlaintext'>): boolean {
  return !config.tls && !config.insecurePlaintext && !isLocal(address);
}

/** Who reaches the Hover API runs code in the kernel. @throws UsageError when that could be somebody on another machine, unknown */
function checkHover(
  hover: Address | undefined,
  clientCa: Buffer | undefined,
  tls: TlsIdentity | undefined,
): void {
  if (hover === undefined || isLocal(hover) || (clientCa !== undefined && tls !== undefined)) return;
  throw new UsageError(
    `--hover: ${formatAddress(hover)} can be reached from other machines, and who reaches it runs code in this kernel: give a loopback address or unix:PATH, or --tls-cert, --tls-key, --tls-ca and --hover-client-ca`,
  );
}

/** Several agents on one machine each have their own bpffs directory, so each gets its own socket from it. */
function defaultHealth(bpffs: string): Address {
  const name = bpffs.replace(/^\/sys\/fs\/bpf\//, '').replaceAll('/', '-');
  return { kind: 'unix', path: `/run/iovisor/agent${name === 'iovisor' ? '' : `-${name}`}.sock` };
}

function of<T>(name: OptionName, raw: RawOptions, parse: (text: string) => T): T {
  try {
    return parse(raw[name] ?? '');
  } catch (error) {
    throw new UsageError(`--${name}: ${(error as Error).message.split('\n')[0]}`);
  }
}

function orNone(name: OptionName, raw: RawOptions): Address | undefined {
  return raw[name] === 'none' ? undefined : of(name, raw, parseAddress);
}

function oneOf<T extends string>(name: OptionName, raw: RawOptions, values: readonly T[]): T {
  const value = values.find((one) => one === raw[name]);
  if (value === undefined) throw new UsageError(`--${name}: "${raw[name]}" is none of ${values.join(', ')}`);
  return value;
}

function count(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new Error(`"${text}" is no number from 0 to 999999`);
  return Number(text);
}

function absolutePath(path: string): string {
  if (!isAbsolute(path)) throw new Error(`"${path}" is no absolute path`);
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

function tlsIdentity(raw: RawOptions): TlsIdentity | undefined {
  const names = ['tls-cert', 'tls-key', 'tls-ca'] as const;
  const missing = names.filter((name) => raw[name] === undefined);
  if (missing.length === names.length) return undefined;
  if (missing.length > 0)
    throw new UsageError(`--${missing[0]} is missing: TLS needs --tls-cert, --tls-key and --tls-ca`);
  const read = (name: OptionName) => of(name, raw, (path) => readFileSync(path));
  return {
    certFile: raw['tls-cert']!,
    keyFile: raw['tls-key']!,
    caFile: raw['tls-ca']!,
    cert: read('tls-cert'),
    key: read('tls-key'),
    ca: read('tls-ca'),
  };
}
