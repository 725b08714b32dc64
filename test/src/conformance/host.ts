import { ip6 } from '@iovisor-ovn/iomodules/testing';

/** Addresses of a machine, as a function of its number: 02:00:00:00:00:0a, 10.0.0.10, fd00::a. */
export interface Host {
  mac: string;
  ip4: string;
  ip6: string;
  /** EUI-64 link-local address of the MAC. */
  lla: string;
}

export function host(number: number): Host {
  const hex = number.toString(16);
  const mac = `02:00:00:00:00:${hex.padStart(2, '0')}`;
  return { mac, ip4: `10.0.0.${number}`, ip6: `fd00::${hex}`, lla: `fe80::ff:fe00:${hex}` };
}

/** As Logical_Switch_Port.addresses and port_security want it. */
export const macIp4 = ({ mac, ip4 }: Host): string => `${mac} ${ip4}`;
export const macIp6 = ({ mac, ip6 }: Host): string => `${mac} ${ip6}`;
export const all = ({ mac, ip4, ip6 }: Host): string => `${mac} ${ip4} ${ip6}`;

export const broadcast = 'ff:ff:ff:ff:ff:ff';
/** A MAC that no port has. */
export const nobody = '02:00:00:00:00:ee';

/** Ports of every test switch which send the markers: one on each hypervisor, without port security. */
export const beacons = { x: { hv: 1, host: host(0xf1) }, y: { hv: 2, host: host(0xf2) } } as const;

/** Solicited-node multicast address (RFC 4291 2.7.1) and its MAC (RFC 2464 7) of fd00::…. */
export function solicited(target: string): { ip6: string; mac: string } {
  const hex = ip6(target).subarray(13).toString('hex');
  return {
    ip6: `ff02::1:ff${hex.slice(0, 2)}:${Number.parseInt(hex.slice(2), 16).toString(16)}`,
    mac: `33:33:ff:${hex.match(/../g)!.join(':')}`,
  };
}
