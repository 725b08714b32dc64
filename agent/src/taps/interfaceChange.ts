import type { Change } from '@iovisor-ovn/ovsdb-client';
import type { LocalTables } from './localTables.js';

type InterfaceChange = Extract<Change<LocalTables>, { table: 'Interface' }>;

/** Columns by which somebody says what the interface shall be; the others are what became of it, written by this process. */
const WISHES: readonly string[] = ['name', 'type', 'options', 'mac', 'ofport_request', 'mtu_request'];
/** And keys of external_ids. */
const KEYS = ['iface-id', 'iface-id-ver', 'encap-ip'];

/** Whether the interface has to be looked at anew, device and all: false for what comes back of this process's own writes. */
export function saysSomethingNew({ kind, old, row, columns }: InterfaceChange): boolean {
  if (kind !== 'modify') return true;
  return columns.some(
    (column) =>
      WISHES.includes(column) ||
      (column === 'external_ids' &&
        KEYS.some((key) => old.external_ids.get(key) !== row.external_ids.get(key))),
  );
}
