import { connect, type Socket } from 'node:net';
import { parseAddress } from '../../session/address.js';
import { type ControllerConnection, type ControllerEvents, MAX_WAITING } from './connection.js';
import { GobDecoder, type GobStruct, type GobValue } from './gobDecoder.js';
import { packetInEncoder } from './gobEncoder.js';
import type { PacketInMessage, PacketOutMessage } from './messages.js';

const DIAL_MS = 5000;

/** Dials a controller that speaks Go's encoding/gob. @throws Error when nobody answers in five seconds */
export async function dialGob(address: string, events: ControllerEvents): Promise<ControllerConnection> {
  const parsed = parseAddress(address);
  if (parsed.kind !== 'tcp') throw new Error(`${address} is no HOST:PORT`);
  const socket = connect({ host: parsed.host, port: parsed.port, noDelay: true, timeout: DIAL_MS });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error(`${address} does not answer`)));
  });
  socket.setTimeout(0);
  return new GobConnection(address, socket, events);
}

class GobConnection implements ControllerConnection {
  readonly name: string;
  readonly #socket: Socket;
  readonly #encoder = packetInEncoder();
  readonly #decoder = new GobDecoder();

  constructor(address: string, socket: Socket, events: ControllerEvents) {
    this.name = `${address}, gob`;
    this.#socket = socket;
    let reason = 'the controller closed the connection';
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', () => events.closed(reason));
    socket.on('data', (chunk) => {
      try {
        for (const value of this.#decoder.push(chunk)) deliver(value, events);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
  }

  send(message: PacketInMessage): boolean {
    if (this.#socket.destroyed || this.#socket.writableLength > MAX_WAITING) return false;
    this.#socket.write(this.#encoder.encode(message));
    return true;
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A wrong packet harms none of the next ones. */
function deliver(value: GobStruct, events: ControllerEvents): void {
  try {
    events.packetOut(packetOutOf(value));
  } catch (error) {
    events.refused((error as Error).message);
  }
}

/** Fields that are missing are zero. @throws Error when one has another type */
function packetOutOf(value: GobStruct): PacketOutMessage {
  return {
    Module_id: number16(value, 'Module_id'),
    Port_id: number16(value, 'Port_id'),
    Sense: number16(value, 'Sense'),
    Data: bytesOf(value.Data),
  };
}

function number16(value: GobStruct, field: string): number {
  const number = value[field] ?? 0n;
  if (typeof number !== 'bigint' || number < 0n || number > 65535n) throw new Error(`${field} is no uint16`);
  return Number(number);
}

function bytesOf(data: GobValue | undefined): Buffer {
  if (data === undefined) return Buffer.alloc(0);
  if (!Buffer.isBuffer(data)) throw new Error('Data is no []byte');
  return data;
}
