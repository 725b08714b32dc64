import type { Microflow } from '../microflow/microflow.js';
import type { Field } from '../microflow/symbols.js';
import { words } from './bytes.js';
import { Fields } from './fields.js';
import { FrameError, maxFrame } from './frame-error.js';
import { ip4Packet, ip6Packet } from './network.js';
import type { Sender } from './sender.js';
import { icmp, icmp6, type Packet } from './transport.js';

const ip4Type = 0x0800;
const ip6Type = 0x86dd;
const arpType = 0x0806;
const rarpType = 0x8035;
/** For local experiments (IEEE 802): what a frame is of which no protocol is said. */
const experimentType = 0x88b5;
const vlanPresent = 1 << 12;

const broadcast = Buffer.alloc(6, 0xff);
const nobody = Buffer.alloc(6);
const ip4Broadcast = Buffer.alloc(4, 0xff);

/** Bytes of payload where nothing is said of the size: what ping sends without its time stamp. */
const defaultPayload = 32;

/** The unicast IP address that the packet is for, where who has it would tell the destination MAC; undefined: not wanted. */
export function wantedNeighbour(flow: Microflow): Buffer | undefined {
  const fields = new Fields(flow);
  if (fields.has('eth.dst')) return undefined;
  const type = fields.small('eth.type', 0);
  if (type === ip4Type && fields.has('ip4.dst')) {
    const address = fields.bytes('ip4.dst', Buffer.alloc(4));
    return (address[0]! & 0xf0) === 0xe0 || address.equals(ip4Broadcast) ? undefined : address;
  }
  if (type !== ip6Type || !fields.has('ip6.dst')) return undefined;
  const address = fields.bytes('ip6.dst', Buffer.alloc(16));
  return address[0] === 0xff ? undefined : address;
}

/**
 * Makes the frame that a microflow describes. What it leaves open is filled in as the machine of the port would: its own
 * addresses, an echo request for IP, an ephemeral source port, checksums.
 * @param size of the whole frame, bytes; default: as small as usual
 * @throws FrameError naming the field that must be said
 */
export function buildFrame(flow: Microflow, sender: Sender, size?: number): Buffer {
  const frame = new FrameBuilder(flow, sender);
  const usual = frame.build(defaultPayload);
  if (size === undefined || size === usual.length) return usual;
  const bare = frame.build(0);
  if (size < bare.length)
    throw new FrameError(`its headers alone take ${bare.length} bytes, more than ${size}`);
  if (size > maxFrame) throw new FrameError(`a frame of ${size} bytes: at most ${maxFrame} are possible`);
  const padding = size - bare.length;
  const filled = frame.build(padding);
  return filled.length === size ? filled : Buffer.concat([bare, Buffer.alloc(padding)]);
}

class FrameBuilder {
  readonly #fields: Fields;
  readonly #sender: Sender;
  readonly #type: number;
  readonly #source: Buffer;

  constructor(flow: Microflow, sender: Sender) {
    this.#fields = new Fields(flow);
    this.#sender = sender;
    this.#type = this.#fields.small('eth.type', experimentType);
    const mac = sender.addresses[0]?.mac;
    if (!mac && !this.#fields.has('eth.src')) throw this.#missing('eth.src', 'MAC address');
    this.#source = this.#fields.bytes('eth.src', mac ?? nobody);
  }

  build(payload: number): Buffer {
    const { destination, content } = this.#content(Buffer.alloc(payload));
    const tci = this.#fields.small('vlan.tci', 0);
    const tag = tci & vlanPresent ? words(0x8100, tci & ~vlanPresent) : Buffer.alloc(0);
    return Buffer.concat([destination, this.#source, tag, words(this.#type), content]);
  }

  #content(payload: Buffer): { destination: Buffer; content: Buffer } {
    switch (this.#type) {
      case ip4Type:
        return this.#ip4(payload);
      case ip6Type:
        return this.#ip6(payload);
      case arpType:
        return this.#arp();
      case rarpType:
        return this.#rarp();
      default:
        return { destination: this.#destination(), content: payload };
    }
  }

  /** The addresses that the sender has beside its MAC, of one family. */
  #own(length: 4 | 16): Buffer | undefined {
    const { addresses } = this.#sender;
    const same = addresses.find(({ mac }) => this.#source.equals(mac));
    const ip = (same ? [same] : addresses).flatMap(({ ips }) => ips).find((one) => one.length === length);
    return ip === undefined ? undefined : Buffer.from(ip);
  }

  #missing(field: Field, what: string): FrameError {
    return new FrameError(`port ${this.#sender.port} has no ${what} in Northbound: say ${field} == …`);
  }

  #destination(otherwise?: Uint8Array): Buffer {
    if (!otherwise && !this.#fields.has('eth.dst')) throw new FrameError('say for whom it is: eth.dst == …');
    return this.#fields.bytes('eth.dst', otherwise ?? nobody);
  }

  /** Where a packet for a unicast address goes: to who has it. */
  #neighbour(field: Field): Buffer {
    const { neighbour } = this.#sender;
    if (!neighbour && !this.#fields.has('eth.dst'))
      throw new FrameError(
        `no port of the logical switch has this ${field}: say eth.dst == …, the MAC of the next hop`,
      );
    return this.#destination(neighbour ?? nobody);
  }

  #ip4(payload: Buffer): { destination: Buffer; content: Buffer } {
    const fields = this.#fields;
    const own = this.#own(4);
    if (!own && !fields.has('ip4.src')) throw this.#missing('ip4.src', 'IPv4 address');
    const source = fields.bytes('ip4.src', own ?? Buffer.alloc(4));
    const toAll = fields.bytes('eth.dst', nobody).equals(broadcast);
    if (!fields.has('ip4.dst') && !toAll) throw new FrameError('say for whom it is: ip4.dst == …');
    const target = fields.bytes('ip4.dst', ip4Broadcast);
    const packet = this.#packet(source, target, icmp, payload);
    const content = ip4Packet(fields, packet);
    if (target.equals(ip4Broadcast)) return { destination: this.#destination(broadcast), content };
    if ((target[0]! & 0xf0) !== 0xe0) return { destination: this.#neighbour('ip4.dst'), content };
    const group = Buffer.concat([Buffer.from([1, 0, 0x5e, target[1]! & 0x7f]), target.subarray(2)]);
    return { destination: this.#destination(group), content };
  }

  #ip6(payload: Buffer): { destination: Buffer; content: Buffer } {
    const fields = this.#fields;
    const source = fields.bytes('ip6.src', this.#own(16) ?? linkLocal(this.#source));
    const protocol = fields.small('ip.proto', icmp6);
    const type = protocol === icmp6 ? fields.small('icmp6.type', 128) : 0;
    if (type === 135 && !fields.has('nd.target'))
      throw new FrameError('say whom it asks for: nd.target == …');
    const group = usualGroup(type, fields);
    if (!fields.has('ip6.dst') && !group) throw new FrameError('say for whom it is: ip6.dst == …');
    const target = fields.bytes('ip6.dst', group ?? Buffer.alloc(16));
    const ttl = type >= 133 && type <= 137 ? 255 : type >= 130 && type <= 143 && type !== 138 ? 1 : 64;
    const content = ip6Packet(fields, this.#packet(source, target, icmp6, payload), ttl);
    if (target[0] !== 0xff) return { destination: this.#neighbour('ip6.dst'), content };
    const mac = Buffer.concat([Buffer.from([0x33, 0x33]), target.subarray(12)]);
    return { destination: this.#destination(mac), content };
  }

  #packet(source: Buffer, destination: Buffer, protocol: number, payload: Buffer): Packet {
    return {
      protocol: this.#fields.small('ip.proto', protocol),
      source,
      destination,
      mac: this.#source,
      payload,
    };
  }

  #arp(): { destination: Buffer; content: Buffer } {
    const fields = this.#fields;
    const reply = fields.small('arp.op', 1) === 2;
    const own = this.#own(4);
    if (!own && !fields.has('arp.spa')) throw this.#missing('arp.spa', 'IPv4 address');
    if (!fields.has('arp.tpa')) throw new FrameError('say whose address it is about: arp.tpa == …');
    if (reply && !fields.has('arp.tha') && !fields.has('eth.dst'))
      throw new FrameError('say whom it answers: arp.tha == …');
    const target = fields.bytes('arp.tha', reply ? fields.bytes('eth.dst', nobody) : nobody);
    const content = this.#arpContent(1, own ?? Buffer.alloc(4), target, Buffer.alloc(4));
    return { destination: this.#destination(reply ? target : broadcast), content };
  }

  /** What a hypervisor sends when a machine has moved to it. */
  #rarp(): { destination: Buffer; content: Buffer } {
    const zero = Buffer.alloc(4);
    return {
      destination: this.#destination(broadcast),
      content: this.#arpContent(3, zero, this.#source, zero),
    };
  }

  #arpContent(op: number, spa: Buffer, tha: Buffer, tpa: Buffer): Buffer {
    const fields = this.#fields;
    return Buffer.concat([
      words(1, ip4Type, 0x0604, fields.small('arp.op', op)),
      fields.bytes('arp.sha', this.#source),
      fields.bytes('arp.spa', spa),
      fields.bytes('arp.tha', tha),
      fields.bytes('arp.tpa', tpa),
    ]);
  }
}

/** Where neighbour discovery of this type goes. */
function usualGroup(type: number, fields: Fields): Buffer | undefined {
  const group = (...end: number[]) =>
    Buffer.concat([Buffer.from([0xff, 2]), Buffer.alloc(14 - end.length), Buffer.from(end)]);
  if (type === 133) return group(2);
  if (type === 134) return group(1);
  if (type !== 135) return undefined;
  return group(1, 0xff, ...fields.bytes('nd.target', Buffer.alloc(16)).subarray(13));
}

/** RFC 4291, appendix A. */
function linkLocal(mac: Buffer): Buffer {
  const id = [mac[0]! ^ 2, mac[1]!, mac[2]!, 0xff, 0xfe, mac[3]!, mac[4]!, mac[5]!];
  return Buffer.concat([Buffer.from([0xfe, 0x80]), Buffer.alloc(6), Buffer.from(id)]);
}
