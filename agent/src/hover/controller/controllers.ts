import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Log } from '../../netlink/index.js';
import type { HoverGraph } from '../graph/index.js';
import type { ControllerConnection, ControllerEvents } from './connection.js';
import { dialGob } from './gobConnection.js';
import { type PacketOutMessage, packetInMessage, packetOut } from './messages.js';
import { WebSocketConnection } from './webSocketConnection.js';

/** Where a controller speaks WebSocket. */
export const WEBSOCKET_PATH = '/controllers/ws';
/** Longest packet in base64, with room. */
const MAX_PAYLOAD = 256 * 1024;
const COMPLAINT_MS = 10_000;

/** The slow path: packets that modules give to user space, and those that come back. One controller at a time; a newer one takes over. */
export class Controllers {
  readonly #graph: HoverGraph;
  readonly #log: Log;
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_PAYLOAD,
    perMessageDeflate: false,
  });
  #current: ControllerConnection | undefined;
  #closed = false;
  /** Packets that no controller took, since the start: there was none, or it read too slowly. */
  missed = 0;
  #nextComplaint = 0;

  constructor(graph: HoverGraph, log: Log) {
    this.#graph = graph;
    this.#log = log;
    graph.on('packetIn', (packet) => {
      if (this.#current?.send(packetInMessage(packet)) !== true) this.missed++;
    });
  }

  /** Dials a controller that listens. @throws Error when there is none; the one before stays */
  async connect(address: string): Promise<void> {
    let connection: ControllerConnection | undefined;
    const events = this.#eventsOf(() => connection);
    connection = await dialGob(address, events);
    this.#take(connection);
  }

  /** Takes a client that wants to speak WebSocket; false when that is not for this. */
  upgrade(path: string, request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    if (path !== WEBSOCKET_PATH || this.#closed) return false;
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const peer = request.socket.remoteAddress ?? 'local';
      const connection: ControllerConnection = new WebSocketConnection(
        peer,
        webSocket,
        this.#eventsOf(() => connection),
      );
      this.#take(connection);
    });
    return true;
  }

  /** Those who came by WebSocket may come again, if they still may. */
  endWebSockets(): void {
    for (const client of this.#webSockets.clients) client.terminate();
  }

  close(): void {
    this.#closed = true;
    this.#current?.close();
    this.#current = undefined;
    this.#webSockets.close();
  }

  #take(connection: ControllerConnection): void {
    if (this.#closed) {
      connection.close();
      return;
    }
    const before = this.#current;
    this.#current = connection;
    before?.close();
    this.#log.info({ controller: connection.name, before: before?.name }, 'a controller is connected');
  }

  #eventsOf(connection: () => ControllerConnection | undefined): ControllerEvents {
    return {
      packetOut: (message) => {
        // What one that was replaced still had to say is not heard.
        if (connection() === this.#current) this.#packetOut(message);
      },
      refused: (reason) => this.#complain(reason),
      closed: (reason) => {
        if (this.#current === undefined || connection() !== this.#current) return;
        this.#log.warn({ controller: this.#current.name, reason }, 'the controller is gone');
        this.#current = undefined;
      },
    };
  }

  /** @throws Error for what is no packet; one for a module that is gone is only missed */
  #packetOut(message: PacketOutMessage): void {
    if (!this.#graph.packetOut(packetOut(message))) this.#complain(`there is no module ${message.Module_id}`);
  }

  #complain(reason: string): void {
    if (Date.now() < this.#nextComplaint) return;
    this.#nextComplaint = Date.now() + COMPLAINT_MS;
    this.#log.warn({ controller: this.#current?.name, reason }, 'a packet of the controller was refused');
  }
}
