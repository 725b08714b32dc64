import {
  type IpPrefix,
  type LogicalAddress,
  LogicalPort,
  type LogicalSwitch,
  type MulticastGroup,
  type Resource,
} from '@iovisor-ovn/proto';
import { parseIp } from './parseIp.js';

let version = 0n;

/**
 * "0a:00:00:00:00:01 10.0.0.1 10.0.1.0/24 fd00::1" as the coordinator parses it, or a VRRPv3 element with its virtual routers'
 * MACs written out: "VRRPv3 0a:00:00:00:00:01 00:00:5e:00:01:00/40 10.0.0.9".
 */
export function address(text: string): LogicalAddress {
  const [mac, ...words] = text.replace(/^VRRPv3 /, '').split(' ');
  const isMac = (word: string) => word.startsWith('00:00:5e:');
  return {
    mac: macOf(mac!),
    ips: words.filter((word) => !isMac(word)).map(prefix),
    vrrp: words.filter(isMac).map((word) => {
      const [virtual, length = '48'] = word.split('/');
      return { mac: macOf(virtual!), prefixLength: Number(length) };
    }),
  };
}

function macOf(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

function prefix(text: string): IpPrefix {
  const [ip, length] = text.split('/');
  const bytes = parseIp(ip!);
  return { address: bytes, prefixLength: length === undefined ? bytes.length * 8 : Number(length) };
}

export function groupIntent(
  name: string,
  tunnelKey: number,
  portIds: string[] = [],
  address = '',
): MulticastGroup {
  return {
    name,
    tunnelKey,
    portIds,
    address: address === '' ? Buffer.alloc(0) : Buffer.from(parseIp(address)),
  };
}

export function switchIntent(id: string, tunnelKey: number, more: Partial<LogicalSwitch> = {}): Resource {
  const value: LogicalSwitch = {
    name: `switch ${id}`,
    nbUuid: `nb ${id}`,
    tunnelKey,
    groups: [
      groupIntent('_MC_flood', 0x8000),
      groupIntent('_MC_unknown', 0x8001),
      groupIntent('_MC_flood_l2', 0x8004),
    ],
    vlanPassthru: false,
    mcastSnoop: false,
    mcastFloodUnregistered: false,
    querier: undefined,
    ...more,
  };
  return { id, version: ++version, body: { $case: 'logicalSwitch', value } };
}

export interface PortIntent extends Partial<Omit<LogicalPort, 'addresses' | 'portSecurity'>> {
  addresses?: string[];
  portSecurity?: string[];
}

/** A port whose name is its id. */
export function portIntent(id: string, switchId: string, tunnelKey: number, more: PortIntent = {}): Resource {
  const value = LogicalPort.create({
    name: id,
    nbUuid: `nb ${id}`,
    switchId,
    tunnelKey,
    enabled: true,
    up: true,
    portSecurityEnabled: more.portSecurity !== undefined,
    ...more,
    addresses: (more.addresses ?? []).map(address),
    portSecurity: (more.portSecurity ?? []).map(address),
  });
  return { id, version: ++version, body: { $case: 'logicalPort', value } };
}

export function chassisIntent(id: string, ...encaps: [type: string, ip: string][]): Resource {
  const value = { name: id, hostname: id, encaps: encaps.map(([type, ip]) => ({ type, ip, csum: false })) };
  return { id, version: ++version, body: { $case: 'remoteChassis', value } };
}

/** A MAC that was seen behind the port with this key. */
export function learnedIntent(id: string, switchId: string, mac: string, portKey: number): Resource {
  const value = { switchId, mac: Buffer.from(mac.replaceAll(':', ''), 'hex'), portKey };
  return { id, version: ++version, body: { $case: 'learnedMac', value } };
}
