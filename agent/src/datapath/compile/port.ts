import type { LogicalPort } from '@iovisor-ovn/proto';
import {
  iov_dest_kind as destKind,
  iov_port_flag as flag,
  iov_arp_keyCodec,
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
  SECURITY_EGRESS,
} from '../abi.js';
import { type Entry, u32 } from '../entry.js';
import { ip4Number } from './ip.js';
import {
  type InlineSecurity,
  inlineSecurity,
  type Range,
  type SecurityElement,
  securityElements,
} from './security.js';

const ALLOWED = Buffer.from([1]);

/** The device a local port is plugged into. */
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
  /** To the chassis of a remote port; undefined: unbound, or no tunnel to it is possible. */
  tunnel?: number;
  /** Number of the security element for (port, MAC, contents). */
  element(port: number, element: SecurityElement): number;
}

/** Everything one logical port owns in the maps. Pure: what it depends on is in `setting`. */
export function compilePort(port: LogicalPort, setting: PortSetting): Entry[] {
  const entries: Entry[] = [];
  const dest = iov_destCodec.encode(destination(port, setting));
  for (const { mac } of port.addresses) {
    const key = { datapath: setting.datapath, mac: Buffer.from(mac) };
    entries.push({ map: 'iov_fdb', key: iov_fdb_keyCodec.encode(key), value: dest });
  }
  // `up` is false only where NB_Global.options:ignore_lsp_down=false forbids to answer for a port that is down.
  if (!port.unknown && port.up) entries.push(...neighbours(port, setting.datapath));
  if (port.local && setting.port !== undefined) entries.push(...localPort(port, setting, setting.port, dest));
  return entries;
}

function destination(port: LogicalPort, { port: number, tap, tunnel }: PortSetting) {
  const egress_key = port.tunnelKey;
  if (port.local) {
    const kind = tap === undefined ? destKind.IOV_DEST_UNBOUND : destKind.IOV_DEST_LOCAL;
    return { kind, egress_key, index: tap === undefined ? 0 : number! };
  }
  if (port.chassis === '') return { kind: destKind.IOV_DEST_UNBOUND, egress_key };
  // Tunnel 0 is never valid: the packet is dropped with the reason "no way to the other chassis".
  return { kind: destKind.IOV_DEST_REMOTE, egress_key, index: tunnel ?? 0 };
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

function localPort(port: LogicalPort, setting: PortSetting, number: number, dest: Buffer): Entry[] {
  const { tap, datapath, datapathKey } = setting;
  const security = port.portSecurityEnabled ? portSecurity(port, setting, number) : NO_SECURITY;
  const value = iov_portCodec.encode({
    ifindex: tap?.ifindex ?? 0,
    flags: portFlags(port, setting) | security.flags,
    datapath,
    port_key: port.tunnelKey,
    ...security.inline,
  });
  const entries: Entry[] = [{ map: 'iov_ports', key: u32(number), value }, ...security.entries];
  if (tap !== undefined) {
    const key = iov_tunnel_keyCodec.encode({ datapath_key: datapathKey, egress_key: port.tunnelKey });
    entries.push({ map: 'iov_tunnel_dests', key, value: dest });
  }
  return entries;
}

function portFlags(port: LogicalPort, { tap, vlanPassthru }: PortSetting): number {
  return (
    (tap === undefined ? 0 : flag.IOV_PORT_VALID) |
    (tap?.peer ? flag.IOV_PORT_PEER : 0) |
    (port.enabled ? flag.IOV_PORT_ENABLED : 0) |
    (port.failClosed === '' ? 0 : flag.IOV_PORT_FAIL_CLOSED) |
    (port.unknown ? flag.IOV_PORT_UNKNOWN : 0) |
    (vlanPassthru ? flag.IOV_PORT_VLAN_PASSTHRU : 0)
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
  const entries = elements.flatMap((element) => listed(number, element, setting.element(number, element)));
  return { flags, inline: {}, entries };
}

/** An element with its lists in the tries. */
function listed(port: number, element: SecurityElement, number: number): Entry[] {
  return [
    {
      map: 'iov_security',
      key: iov_security_keyCodec.encode({ port, mac: element.mac }),
      value: iov_securityCodec.encode({ flags: element.flags, element: number }),
    },
    ...element.ingress.map((range) => rangeEntry(number, range)),
    ...element.egress.map((range) => rangeEntry(number + SECURITY_EGRESS, range)),
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
