import type { NetworkSpec, PortSpec, SwitchSpec } from './network.js';
import type { Random } from './random.js';

const SWITCHES = 4;
const PORTS = 8;

/** A host has a number; the same number in two switches means the same addresses. */
export interface Host {
  mac: string;
  ip4: string;
  otherIp4: string;
  ip6: string;
  otherIp6: string;
  lla: string;
}

export function host(number: number): Host {
  const hex = number.toString(16);
  return {
    mac: `02:00:00:00:00:${hex.padStart(2, '0')}`,
    ip4: `10.0.0.${number}`,
    otherIp4: `10.0.1.${number}`,
    ip6: `fd00::${hex}`,
    otherIp6: `fd00:1::${hex}`,
    lla: `fe80::ff:fe00:${hex}`,
  };
}

/** Numbers below are for hosts that have something, those from it for what nobody has. */
export const FIRST_NOBODY = 0x40;

export function generateNetwork(random: Random): NetworkSpec {
  const count = 1 + random.int(SWITCHES);
  const switches = Array.from({ length: count }, (_, index) => generateSwitch(random, `s${index + 1}`));
  return {
    ...(random.chance(0.4) ? { ignoreLspDown: random.chance(0.7) ? 'false' : 'true' } : {}),
    switches,
  };
}

function generateSwitch(random: Random, name: string): SwitchSpec {
  const numbers = random.some(
    Array.from({ length: 24 }, (_, index) => index + 1),
    24,
  );
  const config: Record<string, string> = {};
  if (random.chance(0.15)) config['vlan-passthru'] = random.chance(0.8) ? 'true' : 'false';
  // Dynamic addresses begin at .50, where no host is.
  const dynamic = random.chance(0.4);
  if (dynamic) {
    config.subnet = '10.0.0.0/24';
    config.exclude_ips = '10.0.0.1..10.0.0.49';
    if (random.chance(0.5)) config.ipv6_prefix = 'fd00::';
  }
  const maker = new PortMaker(random, numbers, dynamic);
  const ports = Array.from({ length: Math.min(PORTS, 1 + random.int(PORTS + 2)) }, (_, index) =>
    maker.port(`${name}p${index + 1}`),
  );
  return { name, otherConfig: config, ports };
}

/** Makes the ports of one switch: no two have an address in common, which OVN leaves to chance. */
class PortMaker {
  /** A second free choice would depend on the order in which northd looks at them. */
  #freelyDynamic = false;
  #dynamic = 60;

  constructor(
    private readonly random: Random,
    private readonly numbers: number[],
    private readonly dynamic: boolean,
  ) {}

  port(name: string): PortSpec {
    const { random } = this;
    const own = host(this.numbers.pop()!);
    const second = random.chance(0.2) ? host(this.numbers.pop()!) : undefined;
    const addresses = this.#addresses(own, second);
    const enabled = random.weighted<boolean | undefined>([
      [10, undefined],
      [1, true],
      [1, false],
    ]);
    const localport = random.chance(0.06);
    return {
      name,
      ...(localport ? { type: 'localport' as const } : {}),
      addresses: [...new Set(addresses)],
      portSecurity: localport ? [] : [...new Set(this.#portSecurity(own, second))],
      ...(enabled === undefined ? {} : { enabled }),
      hv: random.weighted([
        [5, 1],
        [4, 2],
        [1, 0],
      ]),
    };
  }

  #addresses(own: Host, second: Host | undefined): string[] {
    const { random } = this;
    const list: string[] = [];
    if (random.chance(0.85)) list.push(this.#element(own));
    if (second !== undefined && random.chance(0.7)) list.push(this.#element(second));
    if (random.chance(0.2)) list.push('unknown');
    if (this.dynamic && random.chance(0.3)) list.push(this.#dynamicElement(own, list.length > 0));
    if (random.chance(0.15)) list.push(garbage(random, own));
    return random.chance(0.5) ? list : list.reverse();
  }

  /** @param taken the port lists its own MAC already */
  #dynamicElement(own: Host, taken: boolean): string {
    const { random } = this;
    if (!this.#freelyDynamic && random.chance(0.5)) {
      this.#freelyDynamic = true;
      return taken || random.chance(0.5) ? 'dynamic' : `${own.mac} dynamic`;
    }
    return `dynamic 10.0.0.${++this.#dynamic}`;
  }

  #element(who: Host): string {
    const { random } = this;
    const ips = random.weighted<string[]>([
      [2, []],
      [4, [who.ip4]],
      [4, [who.ip4, who.ip6]],
      [2, [who.ip6]],
      [1, [who.ip4, who.otherIp4, who.ip6, who.otherIp6]],
      [1, [who.ip6, who.lla]],
      [1, [`${who.ip4}/24`, `${who.ip6}/64`]],
      [1, [who.ip4, 'garbage', who.otherIp4]],
      [0.5, [`${who.ip4}/33`, who.otherIp4]],
    ]);
    return written(random, who, ips);
  }

  #portSecurity(own: Host, second: Host | undefined): string[] {
    const { random } = this;
    if (random.chance(0.5)) return [];
    const list = [this.#securityElement(own)];
    if (second !== undefined) list.push(this.#securityElement(second));
    if (random.chance(0.15)) list.push(this.#securityElement(own));
    if (random.chance(0.1)) list.push(this.#securityElement(host(this.numbers.at(-1)!)));
    if (random.chance(0.1)) list.push(garbage(random, own));
    if (random.chance(0.1)) list.push(this.#vrrpElement(own));
    if (random.chance(0.04)) return [garbage(random, own)];
    return random.chance(0.5) ? list : list.reverse();
  }

  #vrrpElement(who: Host): string {
    const { random } = this;
    const macs = random.pick([
      [],
      ['00:00:5e:00:01:05'],
      ['00:00:5e:00:02:05'],
      ['00:00:5e:00:01:05', '00:00:5e:00:02:05'],
      ['00:00:5e:00:01:04/47', '00:00:5e:00:02:05/48'],
      ['00:00:5e:00:01:00'],
    ]);
    const ips = random.pick([
      [],
      [],
      [who.ip4],
      [who.ip6],
      [`${who.otherIp4}/24`, who.otherIp6],
      ['nonsense'],
    ]);
    return ['VRRPv3', who.mac, ...macs, ...ips].join(' ');
  }

  #securityElement(who: Host): string {
    const { random } = this;
    const ips = random.weighted<string[]>([
      [3, []],
      [4, [who.ip4]],
      [3, [who.ip6]],
      [5, [who.ip4, who.ip6]],
      [1, [who.ip4, who.otherIp4]],
      [1, [who.ip6, who.otherIp6]],
      [1, [`${who.ip4}/32`, `${who.ip6}/128`]],
      [2, [`${who.ip4}/24`, `${who.ip6}/64`]],
      [1, ['10.0.1.0/24', 'fd00:1::/64']],
      [1, [`${who.ip4}/29`, who.otherIp4, who.lla]],
      [0.5, ['0.0.0.0/0', '::/0']],
      [0.5, ['10.0.0.0/8', who.otherIp4]],
      [1, [who.ip4, 'nonsense', who.ip6]],
      [0.5, [`${who.ip4}/255.255.255.0`]],
    ]);
    return written(random, who, ips);
  }
}

/** An element in one of the ways to write it. */
function written(random: Random, who: Host, ips: readonly string[]): string {
  const text = [who.mac, ...ips].join(' ');
  return random.weighted([
    [12, text],
    [2, text.toUpperCase().replace('GARBAGE', 'garbage')],
    [1, text.replaceAll(' ', '  ')],
    [1, ` ${text} `],
    [1, [who.mac.replace(/(^|:)0/g, '$1'), ...ips].join(' ')],
  ]);
}

function garbage(random: Random, who: Host): string {
  return random.pick([
    'garbage',
    who.ip4,
    `${who.mac.slice(0, -3)} ${who.ip4}`,
    `${who.mac},${who.ip4}`,
    `${who.mac}x`,
    '02:00:00:00:00:zz 10.0.0.1',
    `VRRPv3 ${who.mac} 00:00:5e:00:01:01 ${who.ip4}`,
    'unknown 10.0.0.1',
    'Dynamic',
    `[${who.mac}]`,
    `${who.mac}:07 ${who.ip4}`,
    `${who.mac}/ff:ff:ff:ff:ff:00`,
    `\t${who.mac}\t${who.ip4}`,
    `${who.mac} ${who.ip4},${who.otherIp4}`,
    `${who.mac} ${who.ip4}x`,
    `${who.mac} 10.0.0.${256 + 30}`,
    `${who.mac.slice(0, -2)}1${who.mac.slice(-2)} ${who.ip4}`,
    `${who.mac} ${who.ip4}${who.ip6}`,
    `${who.mac} ${who.ip4}/24,${who.otherIp4}`,
    `${who.mac} ${who.ip6}/129`,
    `${who.mac} ${who.ip4}/`,
    `${who.mac} 10.0.0`,
    `${who.mac} ${who.ip6}%eth0`,
    `${who.mac} dynamic`,
    'router',
    '',
  ]);
}
