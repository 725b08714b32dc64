import {
  iov_arp_keyCodec,
  iov_datapathCodec,
  iov_destCodec,
  iov_fdb_keyCodec,
  iov_group_keyCodec,
  iov_groupCodec,
  iov_ifindexCodec,
  iov_mcast_keyCodec,
  iov_nd_keyCodec,
  iov_neighbourCodec,
  iov_portCodec,
  iov_rateCodec,
  iov_security_ip4_keyCodec,
  iov_security_ip6_keyCodec,
  iov_security_keyCodec,
  iov_securityCodec,
  iov_tunnel_keyCodec,
  iov_tunnel_source6Codec,
  iov_tunnel_sourceCodec,
  iov_tunnelCodec,
  iov_virtual_keyCodec,
  iov_vlan_keyCodec,
} from '../abi.js';
import type { ConfigMap } from '../entry.js';

interface Decoder {
  decode(bytes: Buffer): object;
}

/** Of keys and values that are structs; the others are numbers, or an address. */
const KEYS: Partial<Record<ConfigMap, Decoder>> = {
  iov_vlan_ports: iov_vlan_keyCodec,
  iov_mcast: iov_mcast_keyCodec,
  iov_fdb: iov_fdb_keyCodec,
  iov_learned: iov_fdb_keyCodec,
  iov_arp: iov_arp_keyCodec,
  iov_nd: iov_nd_keyCodec,
  iov_groups: iov_group_keyCodec,
  iov_security: iov_security_keyCodec,
  iov_security_ip4: iov_security_ip4_keyCodec,
  iov_security_ip6: iov_security_ip6_keyCodec,
  iov_virtual_ips: iov_virtual_keyCodec,
  iov_tunnel_dests: iov_tunnel_keyCodec,
  iov_tunnel_sources: iov_tunnel_sourceCodec,
  iov_tunnel_sources6: iov_tunnel_source6Codec,
};
const VALUES: Partial<Record<ConfigMap, Decoder>> = {
  iov_ifindex: iov_ifindexCodec,
  iov_ports: iov_portCodec,
  iov_datapaths: iov_datapathCodec,
  iov_fdb: iov_destCodec,
  iov_learned: iov_destCodec,
  iov_arp: iov_neighbourCodec,
  iov_nd: iov_neighbourCodec,
  iov_groups: iov_groupCodec,
  iov_security: iov_securityCodec,
  iov_rates: iov_rateCodec,
  iov_tunnels: iov_tunnelCodec,
  iov_tunnel_dests: iov_destCodec,
};

/** A key of a configuration map, for people: `datapath=1 mac=0a0000000001`. */
export function keyForPeople(map: ConfigMap, key: Buffer): string {
  return text(KEYS[map], key);
}

export function valueForPeople(map: ConfigMap, value: Buffer | undefined): string {
  return value === undefined ? '' : text(VALUES[map], value);
}

/**
 * Two values, for people: of structs the fields that differ, or all when one is missing.
 * @returns what was wanted, what was found
 */
export function valuesForPeople(
  map: ConfigMap,
  wanted: Buffer | undefined,
  found: Buffer | undefined,
): [string, string] {
  const decoder = VALUES[map];
  if (decoder === undefined || wanted === undefined || found === undefined)
    return [valueForPeople(map, wanted), valueForPeople(map, found)];
  const a = Object.entries(decoder.decode(wanted));
  const b = Object.entries(decoder.decode(found));
  const differs = a.map(([, value], index) => fieldText(value) !== fieldText(b[index]![1]));
  const chosen = (fields: [string, unknown][]) => fieldsText(fields.filter((_, index) => differs[index]));
  // Only padding may differ, which no field shows.
  return differs.includes(true) ? [chosen(a), chosen(b)] : [wanted.toString('hex'), found.toString('hex')];
}

function text(decoder: Decoder | undefined, bytes: Buffer): string {
  if (decoder !== undefined) return fieldsText(Object.entries(decoder.decode(bytes)));
  return bytes.length === 4 ? `${bytes.readUInt32LE()}` : bytes.toString('hex');
}

function fieldsText(fields: [string, unknown][]): string {
  return fields.map(([name, value]) => `${name}=${fieldText(value)}`).join(' ');
}

function fieldText(value: unknown): string {
  if (Buffer.isBuffer(value)) return value.toString('hex');
  return Array.isArray(value) ? `[${value.join(',').replace(/(,0)+$/, ',…')}]` : String(value);
}
