import type { Change } from '@iovisor-ovn/ovsdb-client';
import { listDifference } from './listDifference.js';
import type { LocalTables } from './localTables.js';

type Batch = readonly Change<LocalTables>[];

/** Which bridge each Interface row belongs to, by way of its port; kept from the changes of Port and Bridge alone. */
export class Topology {
  /** Interface → Port. */
  readonly #portOf = new Map<string, string>();
  /** Port → its Interfaces. */
  readonly #interfacesOf = new Map<string, readonly string[]>();
  /** Port → Bridge. */
  readonly #bridgeOf = new Map<string, string>();
  readonly #nameOf = new Map<string, string>();

  /** Name of the bridge; undefined when the row is in none. */
  bridgeOf(interfaceUuid: string): string | undefined {
    const port = this.#portOf.get(interfaceUuid);
    const bridge = port && this.#bridgeOf.get(port);
    return bridge && this.#nameOf.get(bridge);
  }

  /** uuid of its port; undefined when it is in none. */
  portOf(interfaceUuid: string): string | undefined {
    return this.#portOf.get(interfaceUuid);
  }

  /** The interfaces of a port. */
  interfacesOf(portUuid: string): readonly string[] {
    return this.#interfacesOf.get(portUuid) ?? [];
  }

  /** Takes over the changes of one transaction; returns the interfaces that came, went or changed the bridge. */
  apply(batch: Batch): string[] {
    const before = new Map<string, string | undefined>();
    const touch = (uuids: readonly string[] | undefined) => {
      for (const uuid of uuids ?? []) if (!before.has(uuid)) before.set(uuid, this.bridgeOf(uuid));
    };
    // All that leaves first: an interface or a port may change hands within a transaction.
    for (const change of batch) this.#leave(change, touch);
    for (const change of batch) this.#come(change, touch);
    return [...before].filter(([uuid, name]) => this.bridgeOf(uuid) !== name).map(([uuid]) => uuid);
  }

  #leave(change: Change<LocalTables>, touch: (uuids: readonly string[] | undefined) => void): void {
    const { uuid } = change;
    if (change.table === 'Port') {
      const { gone } = listDifference(change.old?.interfaces ?? [], change.row?.interfaces ?? []);
      touch(gone);
      for (const one of gone) if (this.#portOf.get(one) === uuid) this.#portOf.delete(one);
      if (change.kind === 'delete') this.#interfacesOf.delete(uuid);
    } else if (change.table === 'Bridge') {
      const { gone } = listDifference(change.old?.ports ?? [], change.row?.ports ?? []);
      for (const port of gone) {
        touch(this.#interfacesOf.get(port));
        if (this.#bridgeOf.get(port) === uuid) this.#bridgeOf.delete(port);
      }
      if (change.kind === 'delete') this.#nameOf.delete(uuid);
    }
  }

  #come(change: Change<LocalTables>, touch: (uuids: readonly string[] | undefined) => void): void {
    const { uuid, old, row } = change;
    if (row === undefined) return;
    if (change.table === 'Port') {
      const { come } = listDifference(change.old?.interfaces ?? [], change.row?.interfaces ?? []);
      touch(come);
      for (const one of come) this.#portOf.set(one, uuid);
      this.#interfacesOf.set(uuid, change.row?.interfaces ?? []);
    } else if (change.table === 'Bridge') {
      const { come } = listDifference(change.old?.ports ?? [], change.row?.ports ?? []);
      for (const port of come) {
        touch(this.#interfacesOf.get(port));
        this.#bridgeOf.set(port, uuid);
      }
      const name = change.row?.name ?? '';
      if (old !== undefined && this.#nameOf.get(uuid) !== name)
        for (const port of change.row?.ports ?? []) touch(this.#interfacesOf.get(port));
      this.#nameOf.set(uuid, name);
    }
  }
}
