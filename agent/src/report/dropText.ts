import { iov_packet_flag as flag, type iov_port_drop } from '../datapath/abi.js';
import { formatIp4, formatIp6, formatMac } from '../datapath/compile/ip.js';

const PROTOCOLS: Readonly<Record<number, string>> = { 6: 'TCP', 17: 'UDP', 132: 'SCTP' };
const ICMP: readonly number[] = [1, 58];

/** What a dropped packet was, in a line for people: as much as the programs noted. */
export function dropText(drop: iov_port_drop): string {
  const length = drop.length > 0 ? [`${drop.length} bytes`] : [];
  if (drop.eth_type === 0) return ['it was not looked at', ...length].join(', ');
  const tag = drop.flags & flag.IOV_PKT_VLAN ? [`VLAN ${drop.vlan_tci & 0xfff}`] : [];
  const macs = `${formatMac(drop.eth_src)} > ${formatMac(drop.eth_dst)}`;
  return [macs, ...tag, ...content(drop), ...length].join(', ');
}

function content(drop: iov_port_drop): string[] {
  const { flags, ip_src: source, ip_dst: destination } = drop;
  if (flags & flag.IOV_PKT_ARP) return [`ARP of ${formatIp4(source[0]!)} for ${formatIp4(destination[0]!)}`];
  const transport = transportText(drop);
  if (flags & flag.IOV_PKT_IP4)
    return [`IPv4 ${formatIp4(source[0]!)} > ${formatIp4(destination[0]!)}`, ...transport];
  if (flags & flag.IOV_PKT_IP6)
    return [`IPv6 ${formatIp6(source)} > ${formatIp6(destination)}`, ...transport];
  return [`type 0x${drop.eth_type.toString(16).padStart(4, '0')}`];
}

function transportText({ flags, ip_proto: protocol, sport, dport }: iov_port_drop): string[] {
  const fragment = flags & flag.IOV_PKT_FRAGMENT ? ['fragment'] : [];
  const name = PROTOCOLS[protocol] ?? (protocol === 1 ? 'ICMP' : protocol === 58 ? 'ICMPv6' : undefined);
  if (!(flags & flag.IOV_PKT_L4)) return [name ?? `protocol ${protocol}`, ...fragment];
  const ports = ICMP.includes(protocol) ? `type ${sport} code ${dport}` : `${sport} > ${dport}`;
  return [`${name ?? `protocol ${protocol}`} ${ports}`, ...fragment];
}
