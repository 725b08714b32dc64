import type { LogicalPort } from '@iovisor-ovn/proto';
import { iov_dest_kind as kind } from '../abi.js';
import { chassisOf, isBehindWire, isOnSeveral } from './kind.js';

/** struct iov_dest */
export interface Dest {
  kind: number;
  egress_key: number;
  index: number;
}

/** A localnet port of the switch which has its physical network here. */
export interface Localnet {
  /** Local port number. */
  port: number;
  key: number;
}

/** What a port's destination follows from, beside the resource. */
export interface Reach {
  datapath: number;
  /** Its number when it is here and has a device. */
  port: number | undefined;
  localnet: Localnet | undefined;
  /** @param ip of the chassis; undefined, or one that it does not have: its first */
  tunnelTo(chassis: string, ip: string | undefined): number | undefined;
}

/**
 * Where packets for a port go from here, as ovn-controller decides it (physical.c): a switch with a physical network reaches by
 * it what is not here, bound or not. Except what several chassis have: the physical network would deliver to one of them.
 * @returns undefined: nobody here shall know the port
 */
export function destinationOf(port: LogicalPort, reach: Reach): Dest | undefined {
  const egress_key = port.tunnelKey;
  // Its machine is beyond the physical network; only the chassis that has claimed it lets a localport answer it.
  if (port.type === 'external') {
    if (!port.local || reach.localnet === undefined) return undefined;
    return { kind: kind.IOV_DEST_EXTERNAL, egress_key: reach.localnet.key, index: reach.localnet.port };
  }
  // Its members are all that have it, in the order of delivery: here, then elsewhere.
  if (isOnSeveral(port)) return { kind: kind.IOV_DEST_GROUP, egress_key, index: reach.datapath };
  if (reach.port !== undefined) return { kind: kind.IOV_DEST_LOCAL, egress_key, index: reach.port };
  if (reach.localnet !== undefined && isBehindWire(port)) {
    const { port: index, key } = reach.localnet;
    return { kind: kind.IOV_DEST_LOCAL, egress_key: key, index };
  }
  const [chassis] = chassisOf(port);
  if (port.local || port.type === 'virtual' || chassis === undefined) {
    return { kind: kind.IOV_DEST_UNBOUND, egress_key, index: 0 };
  }
  // Tunnel 0 is never valid: the packet is dropped with the reason "no way to the other chassis".
  return {
    kind: kind.IOV_DEST_REMOTE,
    egress_key,
    index: reach.tunnelTo(chassis, port.encapIps[chassis]) ?? 0,
  };
}
