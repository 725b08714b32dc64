import { type iov_tunnel, iov_tunnel_flag } from '../datapath/abi.js';
import { checksum } from '../datapath/compile/tunnelHeader.js';

const IP = 14;
const UDP = 34;
const KEYS = 46;
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
 * A frame as it leaves by a tunnel: the prepared header of the tunnel, completed as the tunnel module does (encap.h).
 * @param sourcePort outer UDP source port
 */
export function outerFrame(tunnel: iov_tunnel, frame: Buffer, keys: OuterKeys, sourcePort: number): Buffer {
  const header = Buffer.from(tunnel.header.subarray(0, tunnel.header_length));
  const length = header.length - IP + frame.length;
  header.writeUInt16BE(length, IP + 2);
  header.writeUInt16BE(0, IP + 10);
  header.writeUInt16BE(checksum(header.subarray(IP, UDP)), IP + 10);
  header.writeUInt16BE(sourcePort, UDP);
  header.writeUInt16BE(length - 20, UDP + 4);
  if (tunnel.flags & iov_tunnel_flag.IOV_TUNNEL_GENEVE) {
    header.writeUIntBE(keys.datapath, KEYS, 3);
    header.writeUInt16BE(keys.ingress & 0x7fff, KEYS + 8);
    header.writeUInt16BE(keys.egress, KEYS + 10);
  } else header.writeUIntBE(vni(keys), KEYS, 3);
  return Buffer.concat([header, frame]);
}

/** ovn-architecture(7), Tunnel Encapsulations. */
function vni({ datapath, egress }: OuterKeys): number {
  const multicast = egress >= MULTICAST_KEY ? VXLAN_MULTICAST | (egress & (VXLAN_MULTICAST - 1)) : egress;
  return (multicast << VXLAN_KEY_BITS) | datapath;
}
