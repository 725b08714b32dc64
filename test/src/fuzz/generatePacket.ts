import { isIPv6 } from 'node:net';
import { ip6, linkLocalOf } from '@iovisor-ovn/iomodules/testing';
import { FIRST_NOBODY, host } from './generateNetwork.js';
import { type NetworkSpec, type PortSpec, portsOf, switchOf } from './network.js';
import type { ArpBody, Body, Ip4Body, Ip6Body, L4, Lie, Packet } from './packet.js';
import type { Random } from './random.js';

const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const ZERO = '00:00:00:00:00:00';

/** Addresses that mean something in a network. */
interface Pool {
  macs: string[];
  ip4s: string[];
  ip6s: string[];
}

const empty = (): Pool => ({ macs: [], ip4s: [], ip6s: [] });

/** Every address in a text, and the link-local ones that follow from its MACs. */
function poolOf(texts: readonly string[]): Pool {
  const pool = empty();
  for (const word of texts.flatMap((text) => text.toLowerCase().split(/[^0-9a-f:.]+/))) {
    const found = /^[0-9a-f]{1,3}(:[0-9a-f]{1,3}){5}/.exec(word);
    if (found !== null) {
      const bytes = Buffer.from(found[0].split(':').map((digits) => Number.parseInt(digits, 16) % 256));
      pool.macs.push(macText(bytes));
      pool.ip6s.push(ip6Text(linkLocalOf(bytes)));
    } else if (/^\d+(\.\d+){3}$/.test(word))
      pool.ip4s.push(word.replace(/\d+/g, (digits) => `${Number(digits) % 256}`));
    else if (isIPv6(word)) pool.ip6s.push(ip6Text(ip6(word)));
  }
  return pool;
}

const startsWithMac = /^\s*([0-9a-f]{1,3}:){5}[0-9a-f]{1,3}/i;
const macText = (bytes: Buffer): string => bytes.toString('hex').match(/../g)!.join(':');
/** "::" is what the unspecified address is known by. */
const ip6Text = (bytes: Buffer): string =>
  !bytes.some((byte) => byte !== 0)
    ? '::'
    : bytes
        .toString('hex')
        .match(/..../g)!
        .map((word) => word.replace(/^0{1,3}/, ''))
        .join(':');

/** Solicited-node multicast address (RFC 4291 2.7.1) and its MAC (RFC 2464 7). */
export function solicited(target: string): { ip6: string; mac: string } {
  const tail = ip6(target).subarray(13);
  const prefix = Buffer.from('ff0200000000000000000001ff', 'hex');
  return { ip6: ip6Text(Buffer.concat([prefix, tail])), mac: `33:33:ff:${macText(tail)}` };
}

/** Hypervisors where a port can send: a localport where a port of its switch is bound (binding.c makes it no reason by itself). */
function sidesOf(network: NetworkSpec, port: PortSpec): (1 | 2)[] {
  const bound = port.type === 'localport' ? switchOf(network, port.name).ports : [port];
  const sides = bound.flatMap(({ type, hv }) => (type === undefined && hv !== 0 ? [hv] : []));
  return [...new Set(sides)];
}

/**
 * Makes packets of a network: of its own addresses and near misses, of what hosts say without being asked, and of what they
 * should not say.
 */
export class PacketMaker {
  readonly #senders: PortSpec[];
  readonly #sides = new Map<string, (1 | 2)[]>();
  readonly #own = new Map<string, Pool>();
  readonly #near = new Map<string, Pool>();
  /** Of each port what its elements say, one by one. */
  readonly #identities = new Map<string, Pool[]>();
  readonly #neighbours = new Map<string, string[]>();
  readonly #all: Pool;
  /** Ports where source MACs are learned. */
  readonly #learners = new Set<string>();
  /** MACs that Northbound lists for the port's switch. */
  readonly #configured = new Map<string, string[]>();
  /** As what the port sends the packet that is being made, and to whom. */
  #me: Pool = empty();
  #you: Pool = empty();

  /** @param dynamic what northd chose, as text */
  constructor(
    private readonly random: Random,
    network: NetworkSpec,
    dynamic: readonly string[],
  ) {
    const ports = portsOf(network);
    this.#senders = ports.filter((port) => sidesOf(network, port).length > 0);
    for (const port of this.#senders) this.#sides.set(port.name, sidesOf(network, port));
    for (const port of ports) {
      this.#own.set(port.name, poolOf([...port.addresses, ...port.portSecurity]));
      const made = switchOf(network, port.name);
      const elements = port.portSecurity.length > 0 ? port.portSecurity : port.addresses;
      const identities = elements.map((element) => poolOf([element])).filter(({ macs }) => macs.length > 0);
      this.#identities.set(port.name, identities);
      if (port.addresses.includes('unknown') && port.portSecurity.length === 0) this.#learners.add(port.name);
      const listed = made.ports.flatMap(({ addresses }) =>
        addresses.filter((text) => startsWithMac.test(text)),
      );
      this.#configured.set(port.name, poolOf(listed).macs);
      const others = made.ports.filter((other) => other !== port && other.addresses.length > 0);
      this.#neighbours.set(
        port.name,
        others.map(({ name }) => name),
      );
      this.#near.set(port.name, poolOf(made.ports.flatMap((p) => [...p.addresses, ...p.portSecurity])));
    }
    this.#all = poolOf([...ports.flatMap((p) => [...p.addresses, ...p.portSecurity]), ...dynamic]);
  }

  /** Whether any port can send. */
  get possible(): boolean {
    return this.#senders.length > 0;
  }

  packet(): Packet {
    const { random } = this;
    const { name: from, type } = random.pick(this.#senders);
    const mine = this.#identities.get(from)!;
    const neighbours = this.#neighbours.get(from)!;
    const theirs = neighbours.length > 0 ? this.#identities.get(random.pick(neighbours))! : [];
    this.#me = mine.length > 0 && random.chance(0.8) ? random.pick(mine) : this.#own.get(from)!;
    this.#you = theirs.length > 0 && random.chance(0.7) ? random.pick(theirs) : this.#near.get(from)!;
    const src = this.#source(from);
    const body = this.#body(src);
    const side = type === 'localport' ? { side: random.pick(this.#sides.get(from)!) } : {};
    const packet: Packet = { from, ...side, src, dst: this.#destination(from, body), body };
    if (random.chance(0.05))
      packet.vlan = {
        tci: random.pick([0, 1, 5, 4095, 0x2005]),
        tpid: random.pick([0x8100, 0x8100, 0x88a8]),
      };
    return packet;
  }

  #source(from: string): string {
    const { random } = this;
    if (this.#learners.has(from)) return this.#unlearnable(from);
    return random.weighted<() => string>([
      [20, () => this.#mac(this.#me)],
      [2, () => this.#mac(this.#near.get(from)!)],
      [1, () => this.#mac(this.#all)],
      [1, () => host(FIRST_NOBODY + random.int(8)).mac],
      [0.5, () => random.pick([BROADCAST, '01:00:5e:00:00:01', '33:33:00:00:00:01', ZERO])],
    ])();
  }

  /**
   * A port where MACs are learned must not show one that a later packet is for: ovn-trace has read what was learned before.
   * Those that are configured in its switch are not affected.
   */
  #unlearnable(from: string): string {
    const { random } = this;
    const configured = this.#configured.get(from)!;
    if (configured.length > 0 && random.chance(0.8)) return random.pick(configured);
    return `02:fe:${[0, 0, 0, 0].map(() => random.int(256).toString(16).padStart(2, '0')).join(':')}`;
  }

  #destination(from: string, body: Body): string {
    const { random } = this;
    const fitting = multicastMac(body);
    if (fitting !== undefined && random.chance(body.kind === 'arp' ? 0.85 : 0.7)) return fitting;
    return random.weighted<() => string>([
      [14, () => this.#mac(this.#you)],
      [1, () => this.#mac(this.#own.get(from)!)],
      [2, () => this.#mac(this.#all)],
      [2, () => host(FIRST_NOBODY + random.int(8)).mac],
      [2, () => BROADCAST],
      [1, () => random.pick(['01:00:5e:00:00:fb', '33:33:00:00:00:01', '01:80:c2:00:00:0e', ZERO])],
    ])();
  }

  #body(src: string): Body {
    const { random } = this;
    return random.weighted<() => Body>([
      [5, () => this.#arp(src)],
      [5, () => this.#ip4()],
      [4, () => this.#ip6()],
      [5, () => this.#nd(src)],
      [1.5, () => this.#setUp4()],
      [1.5, () => this.#setUp6()],
      [1, () => ({ kind: 'other', type: random.pick([0x8035, 0x88cc, 0x88b5, 0x8863, 0x0842]) })],
    ])();
  }

  #arp(src: string): ArpBody {
    const { random } = this;
    const sender = this.#ip4Of();
    const op = random.weighted<number>([
      [8, 1],
      [3, 2],
      [0.5, random.pick([0, 3, 8, 256, 257])],
    ]);
    const gratuitous = random.chance(0.15);
    const probe = random.chance(0.1);
    const target = gratuitous ? sender : this.#ip4Address();
    return {
      kind: 'arp',
      op,
      sha: random.chance(0.9) ? src : this.#mac(this.#all),
      spa: probe ? '0.0.0.0' : sender,
      tha: random.chance(0.7) ? ZERO : this.#mac(this.#all),
      tpa: target,
      ethernet: random.chance(0.97),
    };
  }

  #ip4(): Ip4Body {
    const { random } = this;
    const l4 = random.weighted<L4>([
      [4, { kind: 'udp', sport: 1000, dport: random.pick([53, 67, 2000]) }],
      [3, { kind: 'tcp', sport: 1000, dport: 80 }],
      [3, { kind: 'echo' }],
      [1, { kind: 'protocol', number: random.pick([2, 4, 47, 50, 112, 132, 255]) }],
    ]);
    const body: Ip4Body = {
      kind: 'ip4',
      src: random.chance(0.05) ? '0.0.0.0' : this.#ip4Of(),
      dst: random.chance(0.1)
        ? random.pick(['255.255.255.255', '224.0.0.251', '239.1.2.3'])
        : this.#ip4Address(),
      ttl: random.pick([64, 64, 64, 1, 0, 255]),
      options: random.chance(0.1),
      l4,
    };
    return { ...body, ...this.#oddities() };
  }

  #ip6(): Ip6Body {
    const { random } = this;
    const l4 = random.weighted<() => L4>([
      [3, () => ({ kind: 'udp', sport: 1000, dport: random.pick([53, 547]) })],
      [2, () => ({ kind: 'tcp', sport: 1000, dport: 80 })],
      [3, () => ({ kind: 'icmp6', type: 128, code: 0 })],
      [4, () => ({ kind: 'icmp6', type: random.pick([130, 131, 132, 133, 134, 137, 143]), code: 0 })],
      [0.5, () => ({ kind: 'icmp6', type: random.pick([131, 143]), code: 1 })],
      [1, () => ({ kind: 'protocol', number: random.pick([50, 59, 89, 112, 132]) })],
    ])();
    const body: Ip6Body = {
      kind: 'ip6',
      src: random.chance(0.15) ? '::' : this.#ip6Of(),
      dst: random.chance(0.4)
        ? random.pick(['ff02::1', 'ff02::2', 'ff02::16', 'ff05::2'])
        : this.#ip6Address(),
      hops: random.pick([64, 1, 0, 255, 255]),
      extensions: this.#extensions(),
      l4,
    };
    return { ...body, ...this.#oddities() };
  }

  /** Of a host that asks for its IPv4 address: DHCP, or what looks like it. */
  #setUp4(): Ip4Body {
    const { random } = this;
    const usually = <T>(value: T, otherwise: () => T) => (random.chance(0.8) ? value : otherwise());
    return {
      kind: 'ip4',
      src: usually('0.0.0.0', () => this.#ip4Address()),
      dst: usually('255.255.255.255', () => random.pick(['10.0.0.255', '224.0.0.1', this.#ip4Address()])),
      ttl: 64,
      options: random.chance(0.1),
      l4: {
        kind: usually('udp', () => 'tcp' as const),
        sport: usually(68, () => 67),
        dport: usually(67, () => 68),
      },
      ...(random.chance(0.15) ? { fragment: random.pick(['first', 'later'] as const) } : {}),
    };
  }

  /** Of a host that makes itself an IPv6 address: multicast reports and the search for a router, or what looks like it. */
  #setUp6(): Ip6Body {
    const { random } = this;
    const types = [131, 131, 143, 143, 143, 130, 132, 133, 134, 137];
    return {
      kind: 'ip6',
      src: random.chance(0.8) ? '::' : this.#ip6Of(),
      dst: random.chance(0.85)
        ? random.pick(['ff02::16', 'ff02::16', 'ff02::2', 'ff02::1:ff00:1', 'ff02:1::1'])
        : random.pick(['ff05::2', 'ff01::1', 'ff12::1', this.#ip6Address()]),
      hops: random.pick([1, 1, 255]),
      extensions: random.chance(0.5) ? [0] : [],
      l4: random.chance(0.9)
        ? { kind: 'icmp6', type: random.pick(types), code: random.chance(0.9) ? 0 : 1 }
        : { kind: 'udp', sport: 131 << 8, dport: 53 },
      ...(random.chance(0.1) ? { fragment: random.pick(['first', 'later'] as const) } : {}),
    };
  }

  #nd(src: string): Ip6Body {
    const { random } = this;
    const solicitation = random.chance(0.65);
    const own = this.#ip6Of();
    const dad = solicitation && random.chance(0.2);
    const target = (solicitation ? !random.chance(0.15) : random.chance(0.3)) ? this.#ip6Address() : own;
    const link = random.chance(0.85) ? src : random.pick([this.#mac(this.#all), ZERO]);
    const type = solicitation ? 1 : 2;
    const options: { type: 1 | 2; mac: string }[] = random.weighted<{ type: 1 | 2; mac: string }[]>([
      [6, [{ type, mac: link }]],
      [3, []],
      [0.5, [{ type: type === 1 ? 2 : 1, mac: link }]],
      [
        0.5,
        [
          { type, mac: link },
          { type, mac: this.#mac(this.#all) },
        ],
      ],
      [
        0.5,
        [
          { type: type === 1 ? 2 : 1, mac: src },
          { type, mac: link },
        ],
      ],
    ]);
    const cut = random.chance(0.03) ? random.pick([4, 20]) : 0;
    const sent = random.weighted<() => string>([
      [7, () => solicited(target).ip6],
      [2, () => target],
      [1, () => this.#ip6Address()],
      [0.5, () => 'ff02::1'],
    ])();
    return {
      kind: 'ip6',
      src: dad ? '::' : own,
      dst: solicitation ? sent : random.chance(0.3) ? 'ff02::1' : this.#ip6Address(),
      hops: random.chance(0.93) ? 255 : random.pick([64, 254, 225]),
      extensions: random.chance(0.03) ? this.#extensions() : [],
      l4: {
        kind: 'nd',
        type: solicitation ? 135 : 136,
        target,
        code: random.chance(0.03) ? 1 : 0,
        options,
        ...(cut > 0 ? { cut } : {}),
      },
    };
  }

  #oddities(): { fragment?: 'first' | 'later'; lie?: Lie } {
    const { random } = this;
    if (random.chance(0.08)) return { fragment: random.pick(['first', 'later'] as const) };
    return random.chance(0.03) ? { lie: random.pick(['version', 'length'] as const) } : {};
  }

  #extensions(): number[] {
    const { random } = this;
    return random.chance(0.15) ? random.some([0, 43, 60], 1 + random.int(2)) : [];
  }

  #mac(pool: Pool): string {
    const { random } = this;
    return pool.macs.length > 0 ? random.pick(pool.macs) : host(FIRST_NOBODY + random.int(4)).mac;
  }

  /** An address that the port should have. */
  #ip4Of(): string {
    const { random } = this;
    const { ip4s } = this.#me;
    return ip4s.length > 0 && random.chance(0.85) ? random.pick(ip4s) : this.#ip4Address();
  }

  #ip6Of(): string {
    const { random } = this;
    const { ip6s } = this.#me;
    return ip6s.length > 0 && random.chance(0.85) ? random.pick(ip6s) : this.#ip6Address();
  }

  #ip4Address(): string {
    const { random } = this;
    const { ip4s } = this.#you;
    const known = ip4s.length > 0 ? random.pick(ip4s) : '10.0.0.1';
    return random.weighted<() => string>([
      [10, () => known],
      [2, () => nearIp4(random, known)],
      [1, () => random.pick([...this.#all.ip4s, '10.0.0.99'])],
      [1, () => known.replace(/\d+$/, '255')],
      [
        1,
        () =>
          random.pick(['255.255.255.255', '224.0.0.251', '239.1.2.3', '240.0.0.1', '127.0.0.1', '8.8.8.8']),
      ],
    ])();
  }

  #ip6Address(): string {
    const { random } = this;
    const { ip6s } = this.#you;
    const known = ip6s.length > 0 ? random.pick(ip6s) : 'fd00::1';
    return random.weighted<() => string>([
      [10, () => known],
      [2, () => nearIp6(random, known)],
      [1, () => random.pick([...this.#all.ip6s, 'fd00::99'])],
      [1, () => random.pick(['::', '::1', 'ff02::1', 'ff0e::5', 'fe80::1', '2001:db8::1', 'fec0::1'])],
    ])();
  }
}

function nearIp4(random: Random, address: string): string {
  const bytes = address.split('.').map(Number);
  bytes[random.pick([0, 2, 3, 3, 3])]! ^= 1 << random.int(4);
  return bytes.join('.');
}

function nearIp6(random: Random, address: string): string {
  const bytes = Buffer.from(ip6(address));
  bytes[random.pick([1, 3, 7, 8, 15, 15])]! ^= 1 << random.int(4);
  return ip6Text(bytes);
}

/** The group address that goes with the packet's destination. */
function multicastMac(body: Body): string | undefined {
  if (body.kind === 'arp') return body.op === 1 ? BROADCAST : undefined;
  if (body.kind === 'ip4') {
    if (body.dst === '255.255.255.255') return BROADCAST;
    const [a = 0, b = 0, c = 0, d = 0] = body.dst.split('.').map(Number);
    return a >> 4 === 0xe ? `01:00:5e:${macText(Buffer.from([b & 0x7f, c, d]))}` : undefined;
  }
  if (body.kind !== 'ip6') return undefined;
  const bytes = ip6(body.dst);
  return bytes[0] === 0xff ? `33:33:${macText(bytes.subarray(12))}` : undefined;
}
