import type { Bridge, Port } from '../gen/vswitch.js';
import type { Complaint } from './complaint.js';

/** What a Bridge row asks for that nothing here does. It is answered all the same, so that ovs-vsctl(8) does not wait. */
export function* unsupportedInBridge(row: Bridge): Iterable<Complaint> {
  const about = { table: 'Bridge', uuid: row._uuid, name: row.name };
  const ignored = (column: string, what: string) => ({ ...about, column, message: `${what}; ignored` });
  if (row.controller.length > 0)
    yield ignored('controller', 'no OpenFlow is spoken here, so no controller is connected to');
  if (row.mirrors.length > 0) yield ignored('mirrors', 'mirrors are not supported');
  for (const column of ['netflow', 'sflow', 'ipfix'] as const)
    if (row[column] !== undefined) yield ignored(column, `${column} is not supported`);
  for (const column of ['stp_enable', 'rstp_enable'] as const)
    if (row[column]) yield ignored(column, 'spanning tree is not supported, so ports must not make a loop');
  if (row.mcast_snooping_enable)
    yield ignored('mcast_snooping_enable', 'multicast is flooded: snooping is not supported');
  if (row.flood_vlans.length > 0)
    yield ignored('flood_vlans', 'all VLANs learn: flood_vlans is not supported');
}

/** And a Port row. `active` is the interface that carries the traffic of a bond, undefined where it is not in a bridge that switches. */
export function* unsupportedInPort(row: Port, active: string | undefined): Iterable<Complaint> {
  const about = { table: 'Port', uuid: row._uuid, name: row.name };
  if (row.qos !== undefined)
    yield { ...about, column: 'qos', message: 'QoS of the local database is not supported; ignored' };
  if (row.interfaces.length > 1 && active !== undefined)
    yield {
      ...about,
      column: 'interfaces',
      message: `bonds are active-backup here, whatever bond_mode and lacp say: ${active} carries the traffic; a bond of the kernel can be added as one interface instead`,
    };
}
