import { ether } from '@iovisor-ovn/iomodules/testing';
import type { Host } from '../host.js';
import type { Case, Expected } from '../table.js';

/** A case in one line. */
export const test = (name: string, from: string, frame: Buffer, expected: Expected): Case => ({
  name,
  from,
  frame,
  expected,
});

/** IPv4 between two machines, for the builders of packets. */
export const ends = (from: Host, to: Host) => ({
  src: from.mac,
  dst: to.mac,
  from: from.ip4,
  to: to.ip4,
});

/** The same for IPv6. */
export const ends6 = (from: Host, to: Host) => ({ ...ends(from, to), from: from.ip6, to: to.ip6 });

/** A frame of an experimental ethertype: only its MACs count. */
export const typed = (src: string, dst: string, type = 0x88b5): Buffer =>
  ether({ src, dst, type }, Buffer.alloc(46, 0x5a));

/** Puts a VLAN tag in front of what the frame has. */
export const tagged = (frame: Buffer, tci: number, tpid = 0x8100): Buffer =>
  Buffer.concat([
    frame.subarray(0, 12),
    Buffer.from([tpid >> 8, tpid & 0xff, tci >> 8, tci & 0xff]),
    frame.subarray(12),
  ]);
