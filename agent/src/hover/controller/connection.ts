import type { PacketInMessage, PacketOutMessage } from './messages.js';

/** What is done with what a controller says. */
export interface ControllerEvents {
  /** @throws Error whose text says why the packet is none */
  readonly packetOut: (message: PacketOutMessage) => void;
  /** A packet was refused that the controller cannot be told of. */
  readonly refused: (reason: string) => void;
  /** It is gone, or what it said made no sense. */
  readonly closed: (reason: string) => void;
}

/** A controller that is connected. */
export interface ControllerConnection {
  /** For people: where it is and how it speaks. */
  readonly name: string;
  /** Whether it was taken: not when the controller reads too slowly. */
  send(message: PacketInMessage): boolean;
  close(): void;
}

/** More than this is not kept for a controller that does not read. */
export const MAX_WAITING = 4 * 1024 * 1024;
