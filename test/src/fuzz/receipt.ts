import { isIPv4 } from 'node:net';
import { ip4, ip4Bytes, ip6, mac } from '@iovisor-ovn/iomodules/testing';

/** An ARP reply as it matters: all of its fields. Addresses in hex. */
interface ArpReply {
  kind: 'arp';
  src: string;
  dst: string;
  sha: string;
  spa: string;
  tha: string;
  tpa: string;
}

/** A neighbour advertisement. */
interface Advertisement {
  kind: 'na';
  src: string;
  dst: string;
  from: string;
  to: string;
  target: string;
  tll: string;
  /** Of R, S and O those that are set. */
  flags: string;
}

export type Answer = ArpReply | Advertisement;

export const macHex = (text: string): string => mac(text).toString('hex');
export const ipHex = (text: string): string =>
  (isIPv4(text) ? ip4Bytes(ip4(text)) : ip6(text)).toString('hex');

export function answerText(answer: Answer): string {
  if (answer.kind === 'arp') {
    const { src, dst, sha, spa, tha, tpa } = answer;
    return `ARP reply ${src} > ${dst}, ${sha} has ${spa}, to ${tha} ${tpa}`;
  }
  const { src, dst, from, to, target, tll, flags } = answer;
  return `NA[${flags}] ${src} > ${dst}, ${from} > ${to}, ${tll} has ${target}`;
}

/** What a port got: "unchanged" when it is what was sent, else what it is. */
export function frameText(frame: Buffer, sent: Buffer): string {
  if (frame.equals(sent)) return 'unchanged';
  const type = frame.length >= 14 ? frame.readUInt16BE(12) : 0;
  if (type === 0x0806 && frame.length >= 42 && frame.readUInt16BE(20) === 2) return arpReplyText(frame);
  if (type === 0x86dd && frame.length >= 86 && frame[54] === 136) return advertisementText(frame);
  return `something else: ${frame.toString('hex')}`;
}

function arpReplyText(frame: Buffer): string {
  const hex = (from: number, length: number) => frame.subarray(from, from + length).toString('hex');
  if (hex(14, 6) !== '000108000604') return `an ARP reply of another kind: ${frame.toString('hex')}`;
  return answerText({
    kind: 'arp',
    dst: hex(0, 6),
    src: hex(6, 6),
    sha: hex(22, 6),
    spa: hex(28, 4),
    tha: hex(32, 6),
    tpa: hex(38, 4),
  });
}

function advertisementText(frame: Buffer): string {
  const hex = (from: number, length: number) => frame.subarray(from, from + length).toString('hex');
  const header = {
    version: frame[14]! >> 4,
    length: frame.readUInt16BE(18),
    next: frame[20],
    hops: frame[21],
  };
  const sound =
    JSON.stringify(header) === JSON.stringify({ version: 6, length: 32, next: 58, hops: 255 }) &&
    frame.length === 86 &&
    hex(78, 2) === '0201' &&
    frame[55] === 0 &&
    checksumIsRight(frame);
  if (!sound) return `a broken NA: ${frame.toString('hex')}`;
  return answerText({
    kind: 'na',
    dst: hex(0, 6),
    src: hex(6, 6),
    from: hex(22, 16),
    to: hex(38, 16),
    target: hex(62, 16),
    tll: hex(80, 6),
    flags: ['R', 'S', 'O'].filter((_, bit) => frame[58]! & (0x80 >> bit)).join(''),
  });
}

/** Of an ICMPv6 message without extension headers: the sum over it and its pseudo-header is all ones. */
function checksumIsRight(frame: Buffer): boolean {
  let sum = frame.readUInt16BE(18) + 58;
  for (let at = 22; at + 1 < frame.length; at += 2) sum += frame.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum === 0xffff;
}
