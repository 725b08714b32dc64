import type { PacketIn, PacketOut } from '../engine/hoverEngine.js';

/** Values of PacketOut.Sense. */
const SENSES = ['ingress', 'egress'] as const;

/** PacketIn as Hover's controllers know it: names and order of the fields are those of the struct in Go. */
export interface PacketInMessage {
  readonly Md: {
    readonly Module_id: number;
    readonly Port_id: number;
    readonly Packet_len: number;
    readonly Reason: number;
    readonly Metadata: readonly number[];
  };
  readonly Data: Buffer;
}

/** PacketOut as Hover's controllers send it. Sense: 0 into the module, as if received on the port; 1 out of the port. */
export interface PacketOutMessage {
  readonly Module_id: number;
  readonly Port_id: number;
  readonly Sense: number;
  readonly Data: Buffer;
}

export function packetInMessage({ module, port, length, reason, metadata, data }: PacketIn): PacketInMessage {
  const Md = { Module_id: module, Port_id: port, Packet_len: length, Reason: reason, Metadata: metadata };
  return { Md, Data: data };
}

/** @throws Error when the message is no packet out */
export function packetOut(message: PacketOutMessage): PacketOut {
  const sense = SENSES[message.Sense];
  if (sense === undefined) throw new Error(`Sense is 0 (ingress) or 1 (egress), not ${message.Sense}`);
  // An Ethernet header.
  if (message.Data.length < 14) throw new Error(`a packet of ${message.Data.length} bytes is none`);
  return { module: message.Module_id, port: message.Port_id, sense, data: message.Data };
}
