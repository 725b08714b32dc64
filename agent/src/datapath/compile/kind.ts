import type { LogicalPort } from '@iovisor-ovn/proto';

/** Where a port's frames come in and go out on this chassis. */
export type Place =
  /** At the tap of this iface-id: its own, or its parent's. */
  | { kind: 'tap'; name: string }
  /** At the device of this physical network. */
  | { kind: 'network'; name: string }
  | { kind: 'nowhere' };

const NOWHERE: Place = { kind: 'nowhere' };

/** VLAN by which one of several ports is told apart on a device. */
export interface Vlan {
  /** 1..4095 */
  id: number;
  /** 0x8100 or 0x88a8 */
  proto: number;
}

/**
 * Virtual ports have no device: what arrives for their address goes to the MAC of a parent. External ports are machines that
 * no chassis has a device for. Router ports lead into routers.
 */
const WITHOUT_DEVICE: ReadonlySet<string> = new Set(['virtual', 'external', 'router']);

export function placeOf(port: LogicalPort): Place {
  if (!port.local || port.type === 'virtual' || port.type === 'external') return NOWHERE;
  if (port.type === 'localnet' || port.type === 'l2gateway') {
    return port.network === '' ? NOWHERE : { kind: 'network', name: port.network };
  }
  return { kind: 'tap', name: port.parent === '' ? port.name : port.parent };
}

export function vlanOf({ tag, tagEthertype }: LogicalPort): Vlan | undefined {
  return tag === 0 ? undefined : { id: tag, proto: tagEthertype === 0 ? 0x8100 : tagEthertype };
}

/** Every chassis that has the port, each once; empty for what is bound to none, or is on all. */
export function chassisOf({ type, chassis, additionalChassis }: LogicalPort): string[] {
  if (type === 'localport' || type === 'localnet') return [];
  return [...new Set([chassis, ...additionalChassis])].filter((name) => name !== '');
}

/** Whether packets for it go to each of several chassis (live migration). */
export function isOnSeveral({ type, additionalChassis }: LogicalPort): boolean {
  return additionalChassis.length > 0 && !WITHOUT_DEVICE.has(type);
}

/** Whether packets for it, while it is not here, leave by the localnet port of its switch, if there is one. */
export function isBehindWire(port: LogicalPort): boolean {
  return port.type !== 'router' && port.type !== 'external' && !isOnSeveral(port);
}

/** Whether it takes part in the data plane of this chassis without a device. */
export function needsNoDevice({ local, type }: LogicalPort): boolean {
  return local && (type === 'virtual' || type === 'external');
}
