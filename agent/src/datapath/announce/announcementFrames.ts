import type { LogicalPort } from '@iovisor-ovn/proto';

const [ARP, RARP] = [0x0806, 0x8035];
const [ARP_REQUEST, RARP_REQUEST] = [1, 3];
/** Shortest frame of Ethernet, without its checksum. */
const SHORTEST = 60;

/** By what a port is announced, field by field as ovn-controller; undefined: it has no address. */
export function announcementOf({ addresses }: Pick<LogicalPort, 'addresses'>): Buffer | undefined {
  const [first] = addresses;
  if (first === undefined) return undefined;
  const ip = first.ips.find(({ address }) => address.length === 4)?.address;
  const mac = Buffer.from(first.mac);
  const frame = Buffer.alloc(SHORTEST);
  frame.fill(0xff, 0, 6);
  mac.copy(frame, 6);
  frame.writeUInt16BE(ip ? ARP : RARP, 12);
  // Ethernet, IPv4, lengths of their addresses.
  frame.write('000108000604', 14, 'hex');
  frame.writeUInt16BE(ip ? ARP_REQUEST : RARP_REQUEST, 20);
  mac.copy(frame, 22);
  if (ip) {
    frame.set(ip, 28);
    frame.set(ip, 38);
  } else mac.copy(frame, 32);
  return frame;
}
