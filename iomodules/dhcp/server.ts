import { Leases, type Pool } from './leases.js';
import {
  type Addressing,
  addressOption,
  DhcpOption,
  type DhcpReply,
  type DhcpRequest,
  MessageType,
  readRequest,
  replyFrame,
} from './message.js';

/** What clients are told. Addresses are numbers: 0x0a000001 is 10.0.0.1. */
export interface DhcpSettings {
  pool: Pool;
  netmask: number;
  dns: number;
  router: number;
  /** Seconds. */
  leaseTime: number;
  serverIp: number;
  serverMac: Buffer;
}

/** How long an address that was offered waits for the client, ms. */
const OFFER_TIME = 60_000;
const BROADCAST = 0xffffffff;
const BROADCAST_MAC = Buffer.alloc(6, 0xff);

/** Answers of a DHCP server (RFC 2131). */
export class DhcpServer {
  #settings: DhcpSettings;
  readonly #leases: Leases;

  constructor(settings: DhcpSettings, now: () => number) {
    this.#settings = settings;
    this.#leases = new Leases(settings.pool, now);
  }

  /** Leases stay. */
  set settings(settings: DhcpSettings) {
    this.#settings = settings;
    this.#leases.pool = settings.pool;
  }

  /** The frame that answers one; undefined: nothing is to be said. */
  answer(frame: Buffer): Buffer | undefined {
    const request = readRequest(frame);
    // Relays come by other ports than clients, so their requests do not get here.
    if (request === undefined || request.giaddr !== 0) return undefined;
    const reply = this.#replyTo(request, clientOf(request));
    return reply && replyFrame(request, reply, this.#addressing(request, reply));
  }

  #replyTo(request: DhcpRequest, client: string): DhcpReply | undefined {
    const { leaseTime, serverIp } = this.#settings;
    const requested = addressOption(request, DhcpOption.REQUESTED_IP);
    const server = addressOption(request, DhcpOption.SERVER);
    const forUs = server === undefined || server === serverIp;
    switch (request.type) {
      case MessageType.DISCOVER: {
        const address = this.#leases.offer(client, requested, OFFER_TIME);
        return address === undefined ? undefined : this.#lease(MessageType.OFFER, address, request);
      }
      case MessageType.REQUEST:
        return this.#requested(request, client, server, requested);
      case MessageType.DECLINE:
        if (forUs && requested !== undefined) this.#leases.decline(client, requested, leaseTime * 1000);
        return undefined;
      case MessageType.RELEASE:
        if (forUs) this.#leases.release(client, request.ciaddr);
        return undefined;
      case MessageType.INFORM:
        if (request.ciaddr === 0) return undefined;
        return {
          type: MessageType.ACK,
          yiaddr: 0,
          options: [...this.#network(), ...this.#identity(request)],
        };
      default:
        return undefined;
    }
  }

  #requested(
    request: DhcpRequest,
    client: string,
    server: number | undefined,
    requested: number | undefined,
  ): DhcpReply | undefined {
    const { leaseTime, serverIp } = this.#settings;
    // It took what another server offered.
    if (server !== undefined && server !== serverIp) {
      this.#leases.release(client);
      return undefined;
    }
    const address = requested ?? request.ciaddr;
    if (this.#leases.take(client, address, leaseTime * 1000))
      return this.#lease(MessageType.ACK, address, request);
    const why = Buffer.from('the address is not free, or not of this network');
    return {
      type: MessageType.NAK,
      yiaddr: 0,
      options: [[DhcpOption.MESSAGE, why], ...this.#identity(request)],
    };
  }

  #lease(type: MessageType, yiaddr: number, request: DhcpRequest): DhcpReply {
    const { leaseTime } = this.#settings;
    return {
      type,
      yiaddr,
      options: [
        [DhcpOption.LEASE_TIME, number32(leaseTime)],
        [DhcpOption.RENEWAL_TIME, number32(Math.floor(leaseTime / 2))],
        [DhcpOption.REBINDING_TIME, number32(Math.floor((leaseTime * 7) / 8))],
        ...this.#network(),
        ...this.#identity(request),
      ],
    };
  }

  #network(): [DhcpOption, Buffer][] {
    const { netmask, router, dns } = this.#settings;
    return [
      [DhcpOption.NETMASK, number32(netmask)],
      [DhcpOption.ROUTER, number32(router)],
      [DhcpOption.DNS, number32(dns)],
    ];
  }

  /** Who answers whom (RFC 6842). */
  #identity({ options }: DhcpRequest): [DhcpOption, Buffer][] {
    const id = options.get(DhcpOption.CLIENT_ID);
    const server: [DhcpOption, Buffer] = [DhcpOption.SERVER, number32(this.#settings.serverIp)];
    return id === undefined || id.length > 255 ? [server] : [server, [DhcpOption.CLIENT_ID, id]];
  }

  /** RFC 2131 4.1. */
  #addressing(request: DhcpRequest, reply: DhcpReply): Addressing {
    const { serverMac: srcMac, serverIp: src } = this.#settings;
    const to = request.ciaddr || reply.yiaddr;
    const broadcast = request.ciaddr === 0 && (request.flags & 0x8000) !== 0;
    if (reply.type === MessageType.NAK || broadcast)
      return { srcMac, src, dstMac: BROADCAST_MAC, dst: BROADCAST };
    return { srcMac, src, dstMac: request.mac, dst: to };
  }
}

function clientOf({ options, mac }: DhcpRequest): string {
  const id = options.get(DhcpOption.CLIENT_ID);
  return id === undefined || id.length === 0 ? `01${mac.toString('hex')}` : id.toString('hex');
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
