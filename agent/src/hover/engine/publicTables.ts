import type { BpfMap } from '@iovisor-ovn/libbpf';
import { LoadError } from './hoverEngine.js';
import type { DeclaredTable } from './moduleObject.js';

/** Tables that modules let others use (BPF_TABLE_PUBLIC), by name, as long as their module is loaded. */
export class PublicTables {
  readonly #tables = new Map<string, { owner: number; map: BpfMap }>();

  /** The maps for a module's extern tables, by variable. @throws LoadError when there is none of that name */
  mapsFor(tables: readonly DeclaredTable[]): Record<string, BpfMap> {
    const wanted = tables.filter(({ sharing }) => sharing === 'extern');
    return Object.fromEntries(
      wanted.map(({ name, map }) => {
        const there = this.#tables.get(name);
        if (there === undefined)
          throw new LoadError(`extern table ${name}: no loaded module has a public table of that name`);
        return [map, there.map];
      }),
    );
  }

  /** @throws LoadError when one of the names is taken */
  checkFree(tables: readonly DeclaredTable[]): void {
    for (const { name, sharing } of tables) {
      const there = sharing === 'public' ? this.#tables.get(name) : undefined;
      if (there !== undefined)
        throw new LoadError(`public table ${name}: module ${there.owner} has one of that name already`);
    }
  }

  add(owner: number, tables: readonly DeclaredTable[], mapOf: (table: DeclaredTable) => BpfMap): void {
    for (const table of tables)
      if (table.sharing === 'public') this.#tables.set(table.name, { owner, map: mapOf(table) });
  }

  remove(owner: number): void {
    for (const [name, table] of this.#tables) if (table.owner === owner) this.#tables.delete(name);
  }
}
