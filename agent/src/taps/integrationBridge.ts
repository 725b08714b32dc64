import { randomUUID } from 'node:crypto';
import { byUuid, type Transaction } from '@iovisor-ovn/ovsdb-client';
import type { Bridge, Open_vSwitch } from '../gen/vswitch.js';
import { localMac } from './localMac.js';

/** What ovn-controller says of an integration bridge that is of no type. */
const DEFAULT_DATAPATH = 'system';

/** Adds the integration bridge with its local port, as ovn-controller 23.03 does. */
export function createBridge(
  transaction: Transaction,
  root: Open_vSwitch,
  name: string,
  datapathType: string | undefined,
): void {
  const local = transaction.insert('Interface', { name, type: 'internal' });
  const port = transaction.insert('Port', { name, interfaces: [local] });
  const bridge = transaction.insert('Bridge', {
    name,
    ports: [port],
    fail_mode: 'secure',
    datapath_type: datapathType ?? DEFAULT_DATAPATH,
    other_config: new Map([
      ['disable-in-band', 'true'],
      ['hwaddr', localMac(randomUUID(), undefined)],
    ]),
  });
  transaction.mutate('Open_vSwitch', [byUuid(root._uuid)], [['bridges', 'insert', [bridge]]]);
}

/** ovs-vswitchd's word for a data path that is no module of another version. */
const DATAPATH_VERSION = '<built-in>';

/** Fills what every bridge has from ovs-vswitchd. `mac` is that of its local port. */
export function fillBridge(transaction: Transaction, bridge: Bridge, mac: string): void {
  const wish = bridge.other_config.get('datapath-id');
  const id = wish !== undefined && /^[0-9a-f]{16}$/i.test(wish) ? wish : `0000${mac.replaceAll(':', '')}`;
  if (bridge.datapath_id !== id) transaction.update('Bridge', [byUuid(bridge._uuid)], { datapath_id: id });
  if (bridge.datapath_version !== DATAPATH_VERSION)
    transaction.update('Bridge', [byUuid(bridge._uuid)], { datapath_version: DATAPATH_VERSION });
}

/** Configuration of the Southbound database that is in effect here. */
export interface NbCfg {
  /** SB_Global.nb_cfg. */
  readonly number: bigint;
  /** When it took effect, milliseconds since 1970: what Chassis_Private.nb_cfg_timestamp says of it, too. */
  readonly since: number;
}

/** What has to stand in external_ids of the integration bridge. */
export interface BridgeMarks {
  /** When this process started, milliseconds since 1970. */
  readonly startup: string;
  /** Undefined until it is known. */
  readonly nbCfg: NbCfg | undefined;
}

/** What is missing or wrong in external_ids of the integration bridge, but for time stamps. */
export function wrongMarks(bridge: Bridge, { startup, nbCfg }: BridgeMarks): ReadonlyMap<string, string> {
  const marks = new Map<string, string>();
  if (bridge.external_ids.get('ovn-startup-ts') !== startup) marks.set('ovn-startup-ts', startup);
  if (nbCfg !== undefined && bridge.external_ids.get('ovn-nb-cfg') !== String(nbCfg.number))
    marks.set('ovn-nb-cfg', String(nbCfg.number));
  return marks;
}

/** Corrects the integration bridge where it is not as ovn-controller would have it. */
export function correctBridge(
  transaction: Transaction,
  bridge: Bridge,
  datapathType: string | undefined,
  wanted: BridgeMarks,
): void {
  const where = [byUuid(bridge._uuid)];
  if (bridge.fail_mode !== 'secure') transaction.update('Bridge', where, { fail_mode: 'secure' });
  const type = datapathType ?? (bridge.datapath_type || DEFAULT_DATAPATH);
  if (bridge.datapath_type !== type) transaction.update('Bridge', where, { datapath_type: type });
  const marks = new Map(wrongMarks(bridge, wanted));
  if (marks.has('ovn-nb-cfg')) marks.set('ovn-nb-cfg-ts', String(wanted.nbCfg?.since));
  if (marks.size === 0) return;
  transaction.mutate('Bridge', where, [
    ['external_ids', 'delete', [...marks.keys()]],
    ['external_ids', 'insert', marks],
  ]);
}
