import type { WebSocket } from 'ws';
import { isObject } from '../rest/goJson.js';
import { type ControllerConnection, type ControllerEvents, MAX_WAITING } from './connection.js';
import type { PacketInMessage, PacketOutMessage } from './messages.js';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A controller that speaks JSON: the structs as Go's encoding/json writes them, one a message, bytes in base64. */
export class WebSocketConnection implements ControllerConnection {
  readonly name: string;
  readonly #socket: WebSocket;

  constructor(peer: string, socket: WebSocket, events: ControllerEvents) {
    this.name = `${peer}, WebSocket`;
    this.#socket = socket;
    let reason = 'the controller closed the connection';
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', () => events.closed(reason));
    socket.on('message', (data, binary) => {
      // Whoever writes messages by hand makes mistakes: they are told, and may go on.
      try {
        if (binary) throw new Error('a text message is wanted');
        events.packetOut(packetOutOf(String(data)));
      } catch (error) {
        socket.send(JSON.stringify({ Error: (error as Error).message }));
      }
    });
  }

  send({ Md, Data }: PacketInMessage): boolean {
    if (this.#socket.readyState !== this.#socket.OPEN || this.#socket.bufferedAmount > MAX_WAITING)
      return false;
    this.#socket.send(JSON.stringify({ Md, Data: Data.toString('base64') }));
    return true;
  }

  close(): void {
    this.#socket.close(1001, 'another controller took over, or the agent stops');
    this.#socket.terminate();
  }
}

/** Names match in any case; fields that are missing are zero. @throws Error */
function packetOutOf(text: string): PacketOutMessage {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error('an object is wanted');
  const fields = new Map(Object.entries(value).map(([key, field]) => [key.toLowerCase(), field]));
  const number = (name: string) => {
    const field = fields.get(name.toLowerCase()) ?? 0;
    if (!Number.isInteger(field) || Number(field) < 0 || Number(field) > 65535)
      throw new Error(`${name} is no number from 0 to 65535`);
    return Number(field);
  };
  const data = fields.get('data') ?? '';
  if (typeof data !== 'string' || !BASE64.test(data)) throw new Error('Data is not base64');
  return {
    Module_id: number('Module_id'),
    Port_id: number('Port_id'),
    Sense: number('Sense'),
    Data: Buffer.from(data, 'base64'),
  };
}
