import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import {
  certificateFiles,
  type GivenOption,
  givenTls,
  type OptionNames,
  TlsOptionError,
  type TlsPaths,
  tlsOptions,
  usablePaths,
} from '@iovisor-ovn/endpoint';
import { type LogLevelName, logLevels } from '@iovisor-ovn/log/levels';
import { parseRemotes } from '@iovisor-ovn/ovsdb-client';
import type { HookChoice } from '../datapath/index.js';
import { type Address, formatAddress, isLocal, parseAddress, parseAddresses } from '../session/address.js';
import type { OptionName, RawOptions } from './options.js';
import { UsageError } from './usageError.js';

/** Options that name the files of the Hover API's TLS. */
export const HOVER_TLS: OptionNames = { ...tlsOptions, ca: 'hover-client-ca' satisfies OptionName };

export interface Config {
  ovsdb: string;
  /** Undefined: the local Open_vSwitch row says it. */
  coordinator: Address[] | undefined;
  bpffs: string;
  hook: HookChoice;
  /** Undefined: off. */
  hover: Address | undefined;
  /** File of who signs clients of the Hover API; undefined: it is for this machine only. */
  hoverClientCa: string | undefined;
  /** User modules may touch what belongs to OVN. */
  hoverAllowOvnPorts: boolean;
  health: Address | undefined;
  metrics: Address | undefined;
  /** How many ports have metrics of their own. */
  metricsPorts: number;
  /** Files with certificates, by the option that names them; undefined: not given. */
  certificateFiles: Readonly<Record<string, string | undefined>>;
  /** Files that could be used a moment ago. */
  tls: TlsPaths | undefined;
  /** Name that the coordinator's certificate must bear; undefined: any that the authority has signed. */
  tlsServerName: string | undefined;
  /** Without TLS, coordinators on other machines are spoken with and health is served to them. */
  insecurePlaintext: boolean;
  /** Metrics are plain HTTP even on a network address. */
  plainMetrics: boolean;
  logLevel: LogLevelName;
  cleanup: boolean;
}

/** @throws UsageError naming the option */
export function makeConfig(raw: RawOptions): Config {
  const given: GivenOption = (name) => raw[name as OptionName];
  const tls = usable(() => givenTls(given));
  const insecurePlaintext = raw['insecure-plaintext'] === 'true';
  const coordinator = raw.coordinator === undefined ? undefined : of('coordinator', raw, parseAddresses);
  of('ovsdb', raw, parseRemotes);
  const bpffs = of('bpffs', raw, absolutePath);
  const hover = orNone('hover', raw);
  const hoverClientCa = clientCa(raw, tls);
  checkHover(hover, hoverClientCa, tls);
  const health = raw.health === undefined ? defaultHealth(bpffs) : orNone('health', raw);
  const metrics = orNone('metrics', raw);
  const plainMetrics = raw['insecure-metrics-plaintext'] === 'true';
  if (tls === undefined && !insecurePlaintext) {
    for (const address of coordinator ?? []) refuseExposed('coordinator', address, 'insecure-plaintext');
    refuseExposed('health', health, 'insecure-plaintext');
  }
  if (tls === undefined && !plainMetrics) refuseExposed('metrics', metrics, 'insecure-metrics-plaintext');
  return {
    ovsdb: raw.ovsdb!,
    coordinator,
    bpffs,
    hook: oneOf('hook', raw, ['auto', 'tcx', 'clsact'] as const),
    hover,
    hoverClientCa,
    hoverAllowOvnPorts: raw['hover-allow-ovn-ports'] === 'true',
    health,
    metrics,
    metricsPorts: of('metrics-ports', raw, count),
    certificateFiles: certificateFiles(given, HOVER_TLS.ca),
    tls,
    tlsServerName: raw['tls-server-name'],
    insecurePlaintext,
    plainMetrics,
    logLevel: oneOf('log-level', raw, logLevels),
    cleanup: raw.cleanup === 'true',
  };
}

/** Whether the coordinator at `address` is not to be spoken with: another machine, no TLS, and nobody said that is wanted. */
export function isExposed(address: Address, config: Pick<Config, 'tls' | 'insecurePlaintext'>): boolean {
  return !config.tls && !config.insecurePlaintext && !isLocal(address);
}

/** Who reaches the Hover API runs code in the kernel. @throws UsageError when that could be somebody on another machine, unknown */
function checkHover(
  hover: Address | undefined,
  clientCa: string | undefined,
  tls: TlsPaths | undefined,
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

/** Plain text stays on this machine, unless somebody says that it need not. @throws UsageError */
function refuseExposed(option: OptionName, address: Address | undefined, flag: OptionName): void {
  if (address === undefined || isLocal(address)) return;
  throw new UsageError(`--${option}: ${exposedText(address, flag)}`);
}

/** Why plain text is not spoken at an address, and what to do about it. */
export function exposedText(address: Address, flag: OptionName): string {
  return `${formatAddress(address)} would be plain text on the network: give --tls-cert, --tls-key and --tls-ca, or an address of this machine, or --${flag}`;
}

function clientCa(raw: RawOptions, tls: TlsPaths | undefined): string | undefined {
  const ca = raw['hover-client-ca'];
  if (ca === undefined) return undefined;
  if (tls === undefined) of('hover-client-ca', raw, (path) => readFileSync(path));
  else usable(() => usablePaths({ ...tls, ca }, HOVER_TLS));
  return ca;
}

/** @throws UsageError naming the option */
function usable<T>(look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof TlsOptionError)) throw error;
    throw new UsageError(`--${error.message}`);
  }
}
