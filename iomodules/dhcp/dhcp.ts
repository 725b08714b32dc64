import { ConfigReader, netmask } from '../builtin/config.js';
import { defineBuiltin, type JsonObject } from '../builtin/module.js';
import { net32 } from '../builtin/wire.js';
import { dhcp_configCodec } from '../gen/dhcp.js';
import { DhcpServer, type DhcpSettings } from './server.js';

/** More would take the event loop too long to look through. */
const MAX_POOL = 65536;

/** A DHCP server for the network at its port. */
export const dhcp = defineBuiltin(
  'dhcp',
  ['dhcp'],
  'DHCP server for one network',
  (host) => {
    let server: DhcpServer | undefined;
    const write = (server_ip: number, server_mac: Buffer) =>
      host
        .map('config')
        .update(
          Buffer.alloc(4),
          dhcp_configCodec.encode({ server_ip: net32(server_ip), server_mac, unused: 0 }),
        );
    return {
      configure(config) {
        // Nothing is configured yet: everything stays closed.
        if (Object.keys(config).length === 0) {
          write(0, Buffer.alloc(6));
          return;
        }
        const settings = settingsOf(config);
        write(settings.serverIp, settings.serverMac);
        if (server === undefined) server = new DhcpServer(settings, () => performance.now());
        else server.settings = settings;
      },
      packetIn({ port, data }) {
        const answer = server?.answer(data);
        if (answer !== undefined) host.packetOut('egress', port, answer);
        return true;
      },
    };
  },
  { maxPorts: 1 },
);

/** @throws ConfigError */
function settingsOf(config: JsonObject): DhcpSettings {
  const reader = new ConfigReader(config);
  const mask = netmask(reader.prefix('netmask'));
  const settings = {
    netmask: mask,
    dns: reader.ip4('dns'),
    router: reader.ip4('router'),
    leaseTime: reader.integer('lease_time', { min: 1, max: 0xffffffff }),
    serverIp: reader.ip4('server_ip'),
    serverMac: reader.mac('server_mac'),
  };
  if (settings.serverIp === 0) reader.fail('server_ip', 'the address of the server is wanted');
  if ((settings.serverMac[0]! & 1) !== 0) reader.fail('server_mac', 'it is a group’s');
  const [low, high] = [reader.ip4('addr_low'), reader.ip4('addr_high')];
  const network = (address: number) => (address & mask) >>> 0;
  for (const [name, address] of [
    ['addr_low', low],
    ['addr_high', high],
  ] as const)
    if (network(address) !== network(settings.serverIp))
      reader.fail(name, 'it is not in the network of server_ip');
  if (high < low) reader.fail('addr_high', 'it must not be below addr_low');
  if (high - low >= MAX_POOL) reader.fail('addr_high', `more than ${MAX_POOL} addresses are not possible`);
  reader.end();
  // Without those that a host cannot have, but in networks of one or two addresses (RFC 3021).
  const first = network(settings.serverIp);
  const last = (first | ~mask) >>> 0;
  const taken = [settings.serverIp, settings.router, ...(last - first > 1 ? [first, last] : [])];
  const excluded = new Set(taken.filter((address) => address >= low && address <= high));
  return { ...settings, pool: { low, high, excluded } };
}
