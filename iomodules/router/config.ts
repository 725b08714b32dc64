import { ConfigReader, netmask } from '../builtin/config.js';
import type { JsonObject } from '../builtin/module.js';

const MAX_ROUTES = 262_144 - 127;
const MAX_NEIGHBOURS = 65_536;

export interface RouterInterface {
  /** Of what is linked to the port. */
  name: string;
  /** Addresses as numbers: 10.0.0.1 is 0x0a000001. */
  ip: number;
  prefix: number;
  mac: Buffer;
}

export interface RouterRoute {
  network: number;
  prefix: number;
  interface: string;
  /** 0: the destinations themselves are there. */
  nextHop: number;
}

export interface RouterConfig {
  interfaces: RouterInterface[];
  /** Those of the interfaces included. */
  routes: RouterRoute[];
  neighbours: { ip: number; mac: Buffer }[];
}

/** @throws ConfigError */
export function readRouterConfig(config: JsonObject): RouterConfig {
  const reader = new ConfigReader(config);
  const interfaces = reader.list('interfaces').map((entry) => ({
    name: entry.text('name'),
    ip: host(entry, 'ip'),
    prefix: entry.prefix('netmask'),
    mac: device(entry),
  }));
  const names = unique(interfaces.map(({ name }) => name));
  if (names !== interfaces.length) reader.fail('interfaces', 'each interface has a name of its own');
  if (unique(interfaces.map(({ ip }) => ip)) !== interfaces.length)
    reader.fail('interfaces', 'each interface has an address of its own');
  const connected = interfaces.map(({ name, ip, prefix }) => ({
    network: masked(ip, prefix),
    prefix,
    interface: name,
    nextHop: 0,
  }));
  const routes = reader.list('static_routes').map((entry) => route(entry, interfaces));
  const all = [...connected, ...routes];
  if (unique(all.map(({ network, prefix }) => `${network}/${prefix}`)) !== all.length)
    reader.fail('static_routes', 'one route a network is possible, that of an interface included');
  if (routes.length > MAX_ROUTES) reader.fail('static_routes', `at most ${MAX_ROUTES} are possible`);
  const neighbours = reader
    .list('arp_entries')
    .map((entry) => ({ ip: host(entry, 'ip'), mac: device(entry) }));
  if (neighbours.length > MAX_NEIGHBOURS)
    reader.fail('arp_entries', `at most ${MAX_NEIGHBOURS} are possible`);
  reader.end();
  return { interfaces, routes: all, neighbours };
}

function route(entry: ConfigReader, interfaces: readonly RouterInterface[]): RouterRoute {
  const prefix = entry.prefix('netmask');
  const name = entry.text('interface');
  if (!interfaces.some((candidate) => candidate.name === name))
    entry.fail('interface', 'the name of one of `interfaces` is wanted');
  return { network: masked(entry.ip4('network'), prefix), prefix, interface: name, nextHop: nextHop(entry) };
}

/** "0" means on link, as do 0 and 0.0.0.0. */
function nextHop(entry: ConfigReader): number {
  const value = entry.get('next_hop') ?? 0;
  return value === 0 || value === '0' || value === '0.0.0.0' ? 0 : host(entry, 'next_hop');
}

function host(entry: ConfigReader, name: string): number {
  const ip = entry.ip4(name);
  const first = ip >>> 24;
  if (first === 0 || first === 127 || first >= 224) entry.fail(name, 'the address of one machine is wanted');
  return ip;
}

function device(entry: ConfigReader): Buffer {
  const mac = entry.mac('mac');
  const group = (mac[0]! & 1) === 1 || mac.every((byte) => byte === 0);
  return group ? entry.fail('mac', 'the address of one device is wanted') : mac;
}

function masked(ip: number, prefix: number): number {
  return (ip & netmask(prefix)) >>> 0;
}

function unique(values: readonly unknown[]): number {
  return new Set(values).size;
}
