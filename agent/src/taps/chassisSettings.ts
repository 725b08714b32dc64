import type { ChassisConfig, Encap } from '@iovisor-ovn/proto';
import ipaddr from 'ipaddr.js';
import type { Bridge, Open_vSwitch } from '../gen/vswitch.js';
import type { Complaint } from './complaint.js';
import { SystemSettings } from './systemSettings.js';

/** What the Open_vSwitch row says about this hypervisor. */
export interface ChassisSettings {
  /** Undefined while system-id or a usable encapsulation is missing. */
  readonly config?: ChassisConfig;
  /** external_ids:iovisor-coordinator: addresses, comma-separated. */
  readonly coordinator?: string;
  /** external_ids:ovn-cleanup-on-exit. */
  readonly cleanupOnExit: boolean;
  /** external_ids:ovn-encap-tos: the TOS byte of what goes into tunnels; 0 when not set. */
  readonly encapTos: number | 'inherit';
  /** external_ids:ovn-encap-df_default: routers must not fragment what goes into tunnels over IPv4. */
  readonly encapDf: boolean;
  /** external_ids:ovn-set-local-ip. */
  readonly setLocalIp: boolean;
}

/** Of a database that says nothing. */
export const NO_SETTINGS: ChassisSettings = {
  cleanupOnExit: false,
  encapTos: 0,
  encapDf: true,
  setLocalIp: false,
};

/** Best first: ovn-controller prefers Geneve. */
const ENCAP_TYPES = ['geneve', 'vxlan'];

/** Published as they are written, with the value ovn-controller 23.03 publishes when they are not set. */
const PUBLISHED: readonly (readonly [key: string, unset: string])[] = [
  ['ovn-bridge-mappings', ''],
  ['ovn-chassis-mac-mappings', ''],
  ['ovn-cms-options', ''],
  ['ovn-monitor-all', 'false'],
  ['ovn-enable-lflow-cache', 'true'],
  ['ovn-limit-lflow-cache', ''],
  ['ovn-memlimit-lflow-cache-kb', ''],
  ['ovn-trim-limit-lflow-cache', ''],
  ['ovn-trim-wmark-perc-lflow-cache', ''],
  ['ovn-trim-timeout-ms', ''],
];

/**
 * Reads the row as ovn-controller does. `complain` gets what is missing or wrong; a wrong element is left out and the others
 * count. `hostname` is the machine's own, for when none is set.
 */
export function readChassisSettings(
  root: Open_vSwitch,
  bridge: Bridge | undefined,
  ifaceTypes: readonly string[],
  hostname: string,
  complain: (complaint: Complaint) => void,
  systemIdOverride?: string,
): ChassisSettings {
  const settings = new SystemSettings(root.external_ids, systemIdOverride);
  const { systemId } = settings;
  const wrong = (key: string, message: string) =>
    complain({
      table: 'Open_vSwitch',
      uuid: root._uuid,
      name: '.',
      column: `external_ids:${settings.keyOf(key)}`,
      message,
    });
  if (systemId === undefined)
    wrong(
      'system-id',
      'not set, so this chassis has no name and is not registered: set external_ids:system-id',
    );
  const encaps = readEncaps(settings, wrong);
  const common = {
    coordinator: settings.get('iovisor-coordinator') || undefined,
    cleanupOnExit: settings.isTrue('ovn-cleanup-on-exit'),
    encapTos: readTos(settings, wrong),
    // As ovs-vswitchd reads options:df_default: what is not "true" is false.
    encapDf: (settings.get('ovn-encap-df_default') ?? 'true') === 'true',
    setLocalIp: settings.isTrue('ovn-set-local-ip'),
  };
  if (systemId === undefined || encaps.length === 0) return common;
  const config: ChassisConfig = {
    name: systemId,
    hostname: settings.get('hostname') || hostname,
    encaps,
    otherConfig: {
      'datapath-type': bridge?.datapath_type ?? '',
      'iface-types': [...ifaceTypes].sort().join(','),
      'is-interconn': String(settings.isTrue('ovn-is-interconn')),
      ...Object.fromEntries(PUBLISHED.map(([key, unset]) => [key, settings.get(key) ?? unset])),
    },
    transportZones: settings.list('ovn-transport-zones').sort(),
  };
  return { ...common, config };
}

function readEncaps(settings: SystemSettings, wrong: (key: string, message: string) => void): Encap[] {
  const types = settings.list('ovn-encap-type');
  const known = ENCAP_TYPES.filter((type) => types.includes(type));
  const addresses = settings.list('ovn-encap-ip');
  const usable = addresses.filter(isIp);
  for (const type of types)
    if (!known.includes(type))
      wrong(
        'ovn-encap-type',
        `"${type}" is no tunnel type of this agent (${ENCAP_TYPES.join(', ')}); left out`,
      );
  for (const address of addresses)
    if (!isIp(address)) wrong('ovn-encap-ip', `"${address}" is not an IP address; left out`);
  if (known.length === 0)
    wrong('ovn-encap-type', `no tunnel type: set external_ids:ovn-encap-type to ${ENCAP_TYPES.join(' or ')}`);
  if (usable.length === 0)
    wrong(
      'ovn-encap-ip',
      "no tunnel address: set external_ids:ovn-encap-ip to this hypervisor's underlay address",
    );
  const csum = (settings.get('ovn-encap-csum') ?? 'true').toLowerCase() === 'true';
  const preferred = settings.get('ovn-encap-ip-default');
  return known.flatMap((type) =>
    usable.map((ip) => ({ type, ip, csum, ...(ip === preferred ? { isDefault: true } : {}) })),
  );
}

/** As ovs-vswitchd reads options:tos of a tunnel: a number in C notation, the two ECN bits 0. */
function readTos(
  settings: SystemSettings,
  wrong: (key: string, message: string) => void,
): ChassisSettings['encapTos'] {
  const text = settings.get('ovn-encap-tos') ?? 'none';
  if (text === 'none' || text === '') return 0;
  if (text === 'inherit') return 'inherit';
  const octal = /^0[0-7]+$/.test(text);
  const tos = /^(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? Number(octal ? `0o${text.slice(1)}` : text) : Number.NaN;
  if (tos <= 0xff && (tos & 3) === 0) return tos;
  wrong(
    'ovn-encap-tos',
    `"${text}" is neither "inherit" nor a TOS byte whose two lowest bits are 0 (0 to 0xfc); 0 is used`,
  );
  return 0;
}

function isIp(text: string): boolean {
  return text.includes(':') ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text);
}
