import { iov_tunnel_flag as flag, type iov_tunnel } from '../datapath/abi.js';
import { mapped } from '../datapath/compile/ip.js';
import { checksum } from '../datapath/compile/tunnelHeader.js';
import { rowAddressText } from '../datapath/compile/underlay.js';

const IP = 14;
const IP4 = 20;
const IP6 = 40;
/** From the UDP header on. */
const KEYS = 12;
const CHECKSUM = 6;
/** OVN's multicast keys begin here; VXLAN has 12 bits for a key, the highest of which says multicast. */
const MULTICAST_KEY = 0x8000;
const VXLAN_MULTICAST = 0x800;
const VXLAN_KEY_BITS = 12;

/** What the header of a tunnel says of one packet. */
export interface OuterKeys {
  /** SB Datapath_Binding.tunnel_key */
  datapath: number;
  /** SB tunnel keys of the port it came from and of the port or group it goes to. */
  ingress: number;
  egress: number;
}

/**
 * A frame as it leaves by a tunnel: the prepared header of the tunnel, completed as the tunnel module does (encap.h). What the
 * outer header inherits of the inner one is left out.
 * @param sourcePort outer UDP source port
 */
export function outerFrame(tunnel: iov_tunnel, frame: Buffer, keys: OuterKeys, sourcePort: number): Buffer {
  const packet = Buffer.concat([tunnel.header.subarray(0, tunnel.header_length), frame]);
  const udp = IP + ipLength(packet);
  const length = packet.length - udp;
  if (tunnel.flags & flag.IOV_TUNNEL_IP6) packet.writeUInt16BE(length, IP + 4);
  else {
    packet.writeUInt16BE(packet.length - IP, IP + 2);
    packet.writeUInt16BE(0, IP + 10);
    packet.writeUInt16BE(checksum(packet.subarray(IP, udp)), IP + 10);
  }
  packet.writeUInt16BE(sourcePort, udp);
  packet.writeUInt16BE(length, udp + 4);
  if (tunnel.flags & flag.IOV_TUNNEL_GENEVE) {
    packet.writeUIntBE(keys.datapath, udp + KEYS, 3);
    packet.writeUInt16BE(keys.ingress & 0x7fff, udp + KEYS + 8);
    packet.writeUInt16BE(keys.egress, udp + KEYS + 10);
  } else packet.writeUIntBE(vni(keys), udp + KEYS, 3);
  if (tunnel.flags & flag.IOV_TUNNEL_CSUM)
    packet.writeUInt16BE(udpChecksum(packet, udp) || 0xffff, udp + CHECKSUM);
  return packet;
}

/** RFC 768, RFC 8200 8.1. */
function udpChecksum(packet: Buffer, udp: number): number {
  const length = packet.length - udp;
  const addresses = packet.subarray(packet.readUInt16BE(12) === 0x86dd ? udp - 32 : udp - 8, udp);
  const pseudo = Buffer.from([0, 17, length >>> 8, length & 0xff]);
  const padding = Buffer.alloc(length % 2);
  return checksum(Buffer.concat([addresses, pseudo, packet.subarray(udp), padding]));
}

function ipLength(packet: Buffer): number {
  return packet.readUInt16BE(12) === 0x86dd ? IP6 : IP4;
}

/** Outer addresses of a frame, as text; empty when it is too short. */
export function outerAddresses(frame: Buffer): { source: string; destination: string } {
  const udp = frame.length < IP ? 0 : IP + ipLength(frame);
  if (udp === 0 || frame.length < udp) return { source: '', destination: '' };
  const size = ipLength(frame) === IP6 ? 16 : 4;
  const text = (end: number) => {
    const bytes = frame.subarray(end - size, end);
    return rowAddressText(size === 16 ? bytes : mapped(bytes));
  };
  return { source: text(udp - size), destination: text(udp) };
}

/** Of a frame with an outer header. */
export function sourcePortOf(frame: Buffer): number {
  return frame.readUInt16BE(IP + ipLength(frame));
}

/** ovn-architecture(7), Tunnel Encapsulations. */
function vni({ datapath, egress }: OuterKeys): number {
  const multicast = egress >= MULTICAST_KEY ? VXLAN_MULTICAST | (egress & (VXLAN_MULTICAST - 1)) : egress;
  return (multicast << VXLAN_KEY_BITS) | datapath;
}
