import type { LogicalPort } from '@iovisor-ovn/proto';
import {
  iov_port_flag as flag,
  iov_arp_keyCodec,
  iov_dest_kind,
  iov_destCodec,
  iov_fdb_keyCodec,
  iov_nd_keyCodec,
  iov_neighbourCodec,
  iov_portCodec,
  iov_security_ip4_keyCodec,
  iov_security_ip6_keyCodec,
  iov_security_keyCodec,
  iov_securityCodec,
  iov_tunnel_keyCodec,
  iov_virtual_keyCodec,
  iov_vlan_keyCodec,
  SECURITY_EGRESS,
} from '../abi.js';
import { type Entry, u32 } from '../entry.js';
import type { Dest } from './destination.js';
import { ip4Number, mapped } from './ip.js';
import { type Vlan, vlanOf } from './kind.js';
import { rateOf } from './rate.js';
import {
  type InlineSecurity,
  inlineSecurity,
  type Range,
  type SecurityElement,
  securityElements,
} from './security.js';

const ALLOWED = Buffer.from([1]);

/** The device a local port is plugged into: a tap, or that of a physical network. */
export interface Tap {
  ifindex: number;
  /** A veth whose peer is in another network namespace. */
  peer: boolean;
}

/** What a port's entries follow from, beside the resource: instance numbers and local facts. */
export interface PortSetting {
  datapath: number;
  /** Of the switch. */
  datapathKey: number;
  vlanPassthru: boolean;
  /** Of a local port. */
  port?: number;
  /** Present when a local port has a device that the entry program is attached to. */
  tap?: Tap;
  /** Where packets for it go from here; undefined: nobody knows it. */
  dest: Dest | undefined;
  /** It waits for a RARP of its machine. */
  inactive: boolean;
  /** Addresses that it may claim as a parent, with the tunnel keys of the virtual ports. */
  virtual: readonly { ip: Uint8Array; key: number }[];
  /** Number of the lists of a security element: MACs of one port with the same lists share it. */
  element(port: number, element: SecurityElement): number;
}

/** Everything one logical port owns in the maps. Pure: what it depends on is in `setting`. */
export function compilePort(port: LogicalPort, setting: PortSetting): Entry[] {
  const entries: Entry[] = [];
  const dest = setting.dest === undefined ? undefined : iov_destCodec.encode(setting.dest);
  for (const { mac } of dest === undefined ? [] : port.addresses) {
    const key = { datapath: setting.datapath, mac: Buffer.from(mac) };
    entries.push({ map: 'iov_fdb', key: iov_fdb_keyCodec.encode(key), value: dest! });
  }
  if (isAnsweredFor(port, setting)) entries.push(...neighbours(port, setting.datapath));
  if (setting.port !== undefined) entries.push(...localPort(port, setting, setting.port));
  return entries;
}

/** As northd's build_lswitch_arp_nd_responder_known_ips() has it. */
function isAnsweredFor({ type, unknown, up }: LogicalPort, { vlanPassthru }: PortSetting): boolean {
  if (unknown || vlanPassthru || type === 'external' || type === 'virtual') return false;
  // `up` is false only where NB_Global.options:ignore_lsp_down=false forbids to answer for a port that is down.
  return up || type === 'localport' || type === 'router';
}

/** The addresses that the ARP and ND responders answer for. */
function neighbours(port: LogicalPort, datapath: number): Entry[] {
  const entries: Entry[] = [];
  for (const { mac, ips } of port.addresses) {
    const value = iov_neighbourCodec.encode({ mac: Buffer.from(mac), port_key: port.tunnelKey });
    for (const { address } of ips) {
      if (address.length === 4) {
        const key = iov_arp_keyCodec.encode({ datapath, ip: ip4Number(address) });
        entries.push({ map: 'iov_arp', key, value });
      } else {
        const key = iov_nd_keyCodec.encode({ datapath, ip: Buffer.from(address) });
        entries.push({ map: 'iov_nd', key, value });
      }
    }
  }
  return entries;
}

function localPort(port: LogicalPort, setting: PortSetting, number: number): Entry[] {
  const { tap, datapath, datapathKey } = setting;
  const security = port.portSecurityEnabled ? portSecurity(port, setting, number) : NO_SECURITY;
  const vlan = vlanOf(port);
  const value = iov_portCodec.encode({
    ifindex: tap?.ifindex ?? 0,
    flags: portFlags(port, setting) | security.flags,
    datapath,
    port_key: port.tunnelKey,
    vlan_id: vlan?.id ?? 0,
    vlan_proto: vlan?.proto ?? 0,
    ...security.inline,
  });
  const entries: Entry[] = [{ map: 'iov_ports', key: u32(number), value }, ...security.entries];
  const rate = rateOf(port);
  if (rate !== undefined) entries.push({ map: 'iov_rates', key: u32(number), value: rate });
  for (const { ip, key } of setting.virtual) {
    const address = iov_virtual_keyCodec.encode({ port: number, ip: mapped(ip) });
    entries.push({ map: 'iov_virtual_ips', key: address, value: u32(key) });
  }
  if (tap === undefined) return entries;
  if (vlan !== undefined) entries.push(vlanEntry(tap, vlan, number));
  if (!NEVER_BY_TUNNEL.has(port.type)) {
    const key = iov_tunnel_keyCodec.encode({ datapath_key: datapathKey, egress_key: port.tunnelKey });
    // Here it is this one, also when other chassis have it too: they were served by the sender.
    const here = { kind: iov_dest_kind.IOV_DEST_LOCAL, egress_key: port.tunnelKey, index: number };
    entries.push({ map: 'iov_tunnel_dests', key, value: iov_destCodec.encode(here) });
  }
  return entries;
}

function vlanEntry({ ifindex }: Tap, { id: vlan_id, proto: vlan_proto }: Vlan, port: number): Entry {
  const key = iov_vlan_keyCodec.encode({ ifindex, vlan_id, vlan_proto });
  return { map: 'iov_vlan_ports', key, value: u32(port) };
}

/**
 * Stock takes a tag for that of the port also when it comes with the other Ethernet type. To be claimed apart: whose tag it
 * really is has it.
 */
export function compileOtherTag(
  port: LogicalPort,
  tap: Tap | undefined,
  number: number | undefined,
): Entry[] {
  const vlan = vlanOf(port);
  if (vlan === undefined || tap === undefined || number === undefined) return [];
  return [vlanEntry(tap, { id: vlan.id, proto: vlan.proto === 0x8100 ? 0x88a8 : 0x8100 }, number)];
}

/** Ports that every chassis has for itself. */
const NEVER_BY_TUNNEL: ReadonlySet<string> = new Set(['localport', 'localnet']);

function portFlags(port: LogicalPort, { tap, vlanPassthru, inactive, virtual }: PortSetting): number {
  return (
    (tap === undefined ? 0 : flag.IOV_PORT_VALID) |
    (tap?.peer ? flag.IOV_PORT_PEER : 0) |
    (port.enabled ? flag.IOV_PORT_ENABLED : 0) |
    (port.failClosed === '' ? 0 : flag.IOV_PORT_FAIL_CLOSED) |
    (port.unknown ? flag.IOV_PORT_UNKNOWN : 0) |
    (vlanPassthru ? flag.IOV_PORT_VLAN_PASSTHRU : 0) |
    (vlanOf(port) === undefined ? 0 : flag.IOV_PORT_VLAN) |
    (port.type === 'localnet' ? flag.IOV_PORT_LOCALNET : 0) |
    (port.type === 'l2gateway' ? flag.IOV_PORT_L2GATEWAY : 0) |
    (port.type === 'localport' ? flag.IOV_PORT_LOCALPORT : 0) |
    (rateOf(port) === undefined ? 0 : flag.IOV_PORT_RATE) |
    (port.learn ? flag.IOV_PORT_LEARN : 0) |
    (virtual.length === 0 ? 0 : flag.IOV_PORT_VIRTUAL_PARENT) |
    (port.additionalChassis.length === 0 ? 0 : flag.IOV_PORT_SEVERAL) |
    (inactive ? flag.IOV_PORT_INACTIVE : 0)
  );
}

interface PortSecurity {
  flags: number;
  inline: Partial<InlineSecurity>;
  entries: Entry[];
}

const NO_SECURITY: PortSecurity = { flags: 0, inline: {}, entries: [] };

/** Without a valid element the flag alone remains: nothing is listed, so nothing passes. */
function portSecurity(port: LogicalPort, setting: PortSetting, number: number): PortSecurity {
  const elements = securityElements(port.portSecurity);
  const inline = inlineSecurity(elements);
  const flags = flag.IOV_PORT_SECURITY;
  if (inline !== undefined) return { flags: flags | flag.IOV_PORT_SECURITY_ONE, inline, entries: [] };
  const entries: Entry[] = [];
  const lists = new Map<number, SecurityElement>();
  for (const element of elements) {
    const shared = setting.element(number, element);
    lists.set(shared, element);
    entries.push({
      map: 'iov_security',
      key: iov_security_keyCodec.encode({ port: number, mac: element.mac }),
      value: iov_securityCodec.encode({ flags: element.flags, element: shared }),
    });
  }
  for (const [shared, element] of lists) entries.push(...listed(shared, element));
  return { flags, inline: {}, entries };
}

/** The lists in the tries. */
function listed(number: number, { ingress, egress }: SecurityElement): Entry[] {
  return [
    ...ingress.map((range) => rangeEntry(number, range)),
    ...egress.map((range) => rangeEntry(number + SECURITY_EGRESS, range)),
  ];
}

function rangeEntry(element: number, { address, length }: Range): Entry {
  const prefix_length = 32 + length;
  if (address.length === 4) {
    const key = iov_security_ip4_keyCodec.encode({ prefix_length, element, ip: ip4Number(address) });
    return { map: 'iov_security_ip4', key, value: ALLOWED };
  }
  const key = iov_security_ip6_keyCodec.encode({ prefix_length, element, ip: address });
  return { map: 'iov_security_ip6', key, value: ALLOWED };
}
