import { ConfigReader } from '../builtin/config.js';
import { defineBuiltin, type JsonObject, type ModuleHost, type PortPeer } from '../builtin/module.js';
import { number32 } from '../builtin/number32.js';
import { replaceEntries } from '../builtin/replace.js';
import {
  l2switch_allowedCodec,
  l2switch_configCodec,
  l2switch_macCodec,
  l2switch_portCodec,
} from '../gen/l2switch.js';

const MAX_ENTRIES = 65_536;
/** ANY_ADDRESS in the C. */
const [LISTED_ADDRESSES, ANY_ADDRESS] = [0, 1];
type Rows = [key: Buffer, value: Buffer][];

interface Rule {
  port: string;
  mac: bigint;
  /** Undefined: any. */
  ip: number | undefined;
}

interface SwitchConfig {
  /** Nanoseconds. */
  ageing: bigint;
  fixed: { port: string; mac: bigint }[];
  security: Rule[];
}

/** A learning switch. */
export const l2switch = defineBuiltin(
  'l2switch',
  ['switch'],
  'a learning switch with ageing, static entries and port security',
  (host) => new Switch(host),
);

class Switch {
  readonly #host: ModuleHost;
  /** What was linked when a port's generation was written. */
  readonly #names = new Map<number, string>();
  readonly #generations = new Map<number, number>();

  constructor(host: ModuleHost) {
    this.#host = host;
  }

  configure(config: JsonObject, ports: readonly PortPeer[]): void {
    const { ageing, fixed, security } = read(config);
    const numbers = new Map(ports.map(({ name, port }) => [name, port]));
    this.#renew(ports);
    this.#host.map('config').update(number32(0), l2switch_configCodec.encode({ ageing }));
    const secured = new Set(security.map(({ port }) => numbers.get(port)));
    replaceEntries(this.#host.map('allowed'), securityRows(security, numbers));
    this.#writePorts(secured);
    replaceEntries(this.#host.map('fixed'), fixedRows(fixed, numbers));
  }

  /** What was learned at a port holds no more when something else is linked to it. */
  #renew(ports: readonly PortPeer[]): void {
    const now = new Map(ports.map(({ port, name }) => [port, name]));
    for (const port of new Set([...now.keys(), ...this.#names.keys()])) {
      const name = now.get(port);
      if (name === this.#names.get(port)) continue;
      this.#generations.set(port, (this.#generations.get(port) ?? 0) + 1);
      if (name === undefined) this.#names.delete(port);
      else this.#names.set(port, name);
    }
  }

  #writePorts(secured: ReadonlySet<number | undefined>): void {
    for (const [port, generation] of this.#generations) {
      const row = l2switch_portCodec.encode({ secured: secured.has(port) ? 1 : 0, generation });
      this.#host.map('ports').update(number32(port), row);
    }
  }
}

function read(config: JsonObject): SwitchConfig {
  const reader = new ConfigReader(config);
  const seconds = reader.integer('ageing_time', { min: 0, max: 1_000_000_000, fallback: 300 });
  const fixed = reader.list('forwarding_table').map((entry) => ({
    port: entry.text('port'),
    mac: unicast(entry),
  }));
  const security = reader.list('security').map((entry) => ({
    port: entry.text('port'),
    mac: unicast(entry),
    ip: entry.has('ip') ? entry.ip4('ip') : undefined,
  }));
  reader.end();
  for (const [name, list] of [
    ['forwarding_table', fixed],
    ['security', security],
  ] as const)
    if (list.length > MAX_ENTRIES / 2) reader.fail(name, `at most ${MAX_ENTRIES / 2} entries are possible`);
  return { ageing: BigInt(seconds) * 1_000_000_000n, fixed, security };
}

/** @throws ConfigError for a group address */
function unicast(entry: ConfigReader): bigint {
  const mac = entry.mac('mac');
  if (mac[0]! & 1) entry.fail('mac', 'the address of one device is wanted, not of a group');
  return mac.readUIntBE(0, 6) === 0
    ? entry.fail('mac', 'zeros are no address')
    : BigInt(mac.readUIntBE(0, 6));
}

/** Ports that nothing is linked to have no rows. */
function securityRows(rules: readonly Rule[], numbers: ReadonlyMap<string, number>): Rows {
  const rows = new Map<string, [Buffer, Buffer]>();
  for (const { port: name, mac, ip } of rules) {
    const port = numbers.get(name);
    if (port === undefined) continue;
    const key = l2switch_allowedCodec.encode({ mac, port, ip: 0 });
    const any = ip === undefined || rows.get(key.toString('hex'))?.[1].equals(number32(ANY_ADDRESS));
    rows.set(key.toString('hex'), [key, number32(any ? ANY_ADDRESS : LISTED_ADDRESSES)]);
    if (ip === undefined) continue;
    const address = l2switch_allowedCodec.encode({ mac, port, ip });
    rows.set(address.toString('hex'), [address, number32(0)]);
  }
  return [...rows.values()];
}

function fixedRows(entries: SwitchConfig['fixed'], numbers: ReadonlyMap<string, number>): Rows {
  return entries.flatMap(({ port: name, mac }): Rows => {
    const port = numbers.get(name);
    return port === undefined ? [] : [[l2switch_macCodec.encode({ mac }), number32(port)]];
  });
}
