import ipaddr from 'ipaddr.js';

const icmpNames: Readonly<Record<number, string>> = {
  0: 'echo reply',
  3: 'unreachable',
  8: 'echo request',
  11: 'time exceeded',
};
const icmp6Names: Readonly<Record<number, string>> = {
  128: 'echo request',
  129: 'echo reply',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbour solicitation',
  136: 'neighbour advertisement',
};
const arpOperations: Readonly<Record<number, string>> = { 1: 'request', 2: 'reply', 3: 'reverse request' };
const protocols: Readonly<Record<number, string>> = { 6: 'TCP', 17: 'UDP', 132: 'SCTP' };

/** What a frame is, in a line for people: as much as its bytes give. Never throws. */
export function describeFrame(bytes: Uint8Array): string {
  const frame = Buffer.from(bytes);
  if (frame.length < 14) return `${frame.length} bytes`;
  const macs = `${macText(frame.subarray(6, 12))} > ${macText(frame.subarray(0, 6))}`;
  let at = 12;
  const tags: string[] = [];
  while (isTag(frame, at)) {
    tags.push(`VLAN ${frame.readUInt16BE(at + 2) & 0xfff}`);
    at += 4;
  }
  const type = frame.length >= at + 2 ? frame.readUInt16BE(at) : 0;
  const content = contentText(type, frame.subarray(at + 2));
  return [macs, ...tags, content, `${frame.length} bytes`].join(', ');
}

function isTag(frame: Buffer, at: number): boolean {
  return frame.length >= at + 6 && [0x8100, 0x88a8].includes(frame.readUInt16BE(at));
}

function contentText(type: number, content: Buffer): string {
  if (type === 0x0800 && content.length >= 20) return ip4Text(content);
  if (type === 0x86dd && content.length >= 40) return ip6Text(content);
  if ((type === 0x0806 || type === 0x8035) && content.length >= 28) return arpText(content);
  return `type 0x${type.toString(16).padStart(4, '0')}`;
}

function arpText(arp: Buffer): string {
  const operation = arp.readUInt16BE(6);
  const sender = `${ip4(arp.subarray(14, 18))} (${macText(arp.subarray(8, 14))})`;
  return `ARP ${arpOperations[operation] ?? `operation ${operation}`} of ${sender} for ${ip4(arp.subarray(24, 28))}`;
}

function ip4Text(packet: Buffer): string {
  const header = (packet[0]! & 0xf) * 4;
  const fragment = packet.readUInt16BE(6) & 0x3fff;
  const addresses = `IPv4 ${ip4(packet.subarray(12, 16))} > ${ip4(packet.subarray(16, 20))}`;
  const transport = fragment & 0x1fff ? '' : transportText(packet[9]!, packet.subarray(header));
  const parts = [addresses, transport, fragment ? 'fragment' : '', `ttl ${packet[8]}`];
  return parts.filter(Boolean).join(', ');
}

function ip6Text(packet: Buffer): string {
  const addresses = `IPv6 ${ip6(packet.subarray(8, 24))} > ${ip6(packet.subarray(24, 40))}`;
  const fragmented = packet[6] === 44 && packet.length >= 48;
  const protocol = fragmented ? packet[40]! : packet[6]!;
  const later = fragmented && packet.readUInt16BE(42) >> 3 !== 0;
  const transport = later ? '' : transportText(protocol, packet.subarray(fragmented ? 48 : 40));
  const parts = [addresses, transport, fragmented ? 'fragment' : '', `ttl ${packet[7]}`];
  return parts.filter(Boolean).join(', ');
}

function transportText(protocol: number, bytes: Buffer): string {
  const name = protocols[protocol];
  if (name && bytes.length >= 4) return `${name} ${bytes.readUInt16BE(0)} > ${bytes.readUInt16BE(2)}`;
  if (protocol === 1 && bytes.length >= 2) return icmpText('ICMP', icmpNames, bytes);
  if (protocol !== 58 || bytes.length < 2) return `protocol ${protocol}`;
  const target =
    [135, 136].includes(bytes[0]!) && bytes.length >= 24 ? ` of ${ip6(bytes.subarray(8, 24))}` : '';
  return `${icmpText('ICMPv6', icmp6Names, bytes)}${target}`;
}

function icmpText(protocol: string, names: Readonly<Record<number, string>>, bytes: Buffer): string {
  const name = names[bytes[0]!];
  return name && bytes[1] === 0 ? `${protocol} ${name}` : `${protocol} type ${bytes[0]} code ${bytes[1]}`;
}

/** "0a:00:…" */
export function macText(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function ip4(address: Uint8Array): string {
  return [...address].join('.');
}

function ip6(address: Uint8Array): string {
  return ipaddr.fromByteArray([...address]).toString();
}
