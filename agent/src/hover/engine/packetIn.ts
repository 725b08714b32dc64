import type { PacketIn } from './hoverEngine.js';

const DATA = 32;

/** Reads a record of hover_packets_in: struct hover_packet_in. */
export function decodePacketIn(record: Buffer): PacketIn {
  return {
    module: record.readUInt16LE(0),
    port: record.readUInt16LE(2),
    reason: record.readUInt16LE(4),
    length: record.readUInt32LE(8),
    metadata: [record.readUInt32LE(16), record.readUInt32LE(20), record.readUInt32LE(24)],
    data: record.subarray(DATA, DATA + record.readUInt32LE(12)),
  };
}

/** skb->mark on iovh1: HOVER_MARK_*. */
export function packetOutMark(module: number, port: number, sense: 'ingress' | 'egress'): number {
  return 0xa000_0000 + (sense === 'egress' ? 0x80_0000 : 0) + port * 0x10000 + module;
}
