import { ConfigError, ConfigReader, ip4Text } from '../builtin/config.js';
import { defineBuiltin, type JsonObject } from '../builtin/module.js';
import { replaceEntries } from '../builtin/replace.js';
import { ip4Bytes, net16, net32 } from '../builtin/wire.js';
import { type nat_config, nat_configCodec, nat_serverCodec, nat_serviceCodec } from '../gen/nat.js';

/** Masquerades, forwards ports, and gives hosts public addresses of their own. */
export const nat = defineBuiltin(
  'nat',
  ['nat'],
  'NAT: masquerade, port forwarding, static addresses',
  (host) => ({
    configure(json) {
      // Nothing is configured yet: everything stays closed.
      const { config, forwarded, fixed } = Object.keys(json).length === 0 ? CLOSED : parse(json);
      replaceEntries(
        host.map('static_in'),
        fixed.map(({ ip, publicIp }) => [ip4Bytes(publicIp), ip4Bytes(ip)]),
      );
      replaceEntries(
        host.map('static_out'),
        fixed.map(({ ip, publicIp }) => [ip4Bytes(ip), ip4Bytes(publicIp)]),
      );
      replaceEntries(
        host.map('port_forwarding'),
        forwarded.map((rule) => [service(rule), server(rule)]),
      );
      replaceEntries(
        host.map('servers'),
        forwarded.map((rule) => [server(rule), service(rule)]),
      );
      host.map('config').update(Buffer.alloc(4), nat_configCodec.encode(config));
    },
  }),
  { maxPorts: 2 },
);

/** enum of IP protocol numbers. */
const PROTOCOLS = { tcp: 6, udp: 17 } as const;

interface Forwarded {
  proto: number;
  publicPort: number;
  ip: number;
  port: number;
}

interface Fixed {
  ip: number;
  publicIp: number;
}

interface NatConfig {
  config: nat_config;
  forwarded: Forwarded[];
  fixed: Fixed[];
}

const CLOSED: NatConfig = {
  config: {
    public_ip: 0,
    first_port: 0,
    last_port: 0,
    tcp_idle: 0,
    tcp_closing: 0,
    udp_idle: 0,
    icmp_idle: 0,
  },
  forwarded: [],
  fixed: [],
};

/** @throws ConfigError */
function parse(json: JsonObject): NatConfig {
  const reader = new ConfigReader(json);
  const publicIp = reader.ip4('public_ip');
  if (publicIp === 0) reader.fail('public_ip', 'the address of the outside is wanted');
  // IOVisor-OVN's examples have them, and it never read them.
  reader.ignore('public_port_ip', 'public_port_mac');
  const config = { public_ip: net32(publicIp), ...ports(reader), ...idleTimes(reader) };
  const forwarded = portForwarding(reader);
  const fixed = fixedAddresses(reader, publicIp);
  reader.end();
  return { config, forwarded, fixed };
}

function ports(reader: ConfigReader): Pick<nat_config, 'first_port' | 'last_port'> {
  const range = reader.object('port_range');
  const first_port = range?.integer('first', { min: 1, max: 65535 }) ?? 1025;
  const last_port = range?.integer('last', { min: 1, max: 65535 }) ?? 65535;
  if (last_port < first_port) range?.fail('last', `it must not be below first, ${first_port}`);
  return { first_port, last_port };
}

function idleTimes(reader: ConfigReader): Omit<nat_config, 'public_ip' | 'first_port' | 'last_port'> {
  // The least that RFC 5382, 4787 and 5508 allow, or recommend.
  const fallbacks = { tcp: 7440, tcp_closing: 240, udp: 300, icmp: 60 };
  const times = reader.object('idle_timeout');
  const seconds = (name: keyof typeof fallbacks): number =>
    times?.integer(name, { min: 1, max: 0x7fffffff, fallback: fallbacks[name] }) ?? fallbacks[name];
  return {
    tcp_idle: seconds('tcp'),
    tcp_closing: seconds('tcp_closing'),
    udp_idle: seconds('udp'),
    icmp_idle: seconds('icmp'),
  };
}

function portForwarding(reader: ConfigReader): Forwarded[] {
  const seen = new Set<string>();
  const once = (rule: ConfigReader, field: string, what: string) => {
    if (seen.has(what)) throw new ConfigError(`${rule.where(field)}: ${what} is in another rule, too`);
    seen.add(what);
  };
  return reader.list('port_forwarding').map((rule) => {
    const name = rule.choice('proto', ['tcp', 'udp']);
    const port = (field: string) => rule.integer(field, { min: 1, max: 65535 });
    const publicPort = port('public_port');
    const forwarded = { proto: PROTOCOLS[name], publicPort, ip: rule.ip4('ip'), port: port('port') };
    once(rule, 'public_port', `${name} port ${publicPort}`);
    // What the host sends from there has to leave with one port.
    once(rule, 'ip', `${name} ${ip4Text(forwarded.ip)}:${forwarded.port}`);
    return forwarded;
  });
}

function fixedAddresses(reader: ConfigReader, publicIp: number): Fixed[] {
  const seen = new Set<string>();
  return reader.list('static').map((entry) => {
    const fixed = { ip: entry.ip4('ip'), publicIp: entry.ip4('public_ip') };
    if (fixed.publicIp === publicIp) entry.fail('public_ip', 'it is the address that all others share');
    for (const [field, address] of [
      ['ip', fixed.ip],
      ['public_ip', fixed.publicIp],
    ] as const) {
      const key = `${field} ${address}`;
      if (seen.has(key))
        throw new ConfigError(`${entry.where(field)}: ${ip4Text(address)} is in another entry, too`);
      seen.add(key);
    }
    return fixed;
  });
}

function service({ proto, publicPort }: Forwarded): Buffer {
  return nat_serviceCodec.encode({ port: net16(publicPort), proto });
}

function server({ ip, port, proto }: Forwarded): Buffer {
  return nat_serverCodec.encode({ ip: net32(ip), port: net16(port), proto });
}
