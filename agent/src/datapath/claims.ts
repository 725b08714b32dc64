import { type ConfigMap, type Entry, keyText } from './entry.js';

/** One unit's wish for a key. Units are resources and what follows from them: `port:…`, `group:…`. */
interface Claim {
  unit: string;
  value: Buffer;
}

/** What the entry at a key shall be. */
export interface Wanted extends Claim {
  /** Instance number of the datapath it belongs to, 0 for none: whose epoch a change of it bumps. */
  datapath: number;
}

/** Names a key of a map. */
export function mapKeyText(map: ConfigMap, key: string): string {
  return `${map} ${key}`;
}

interface Unit {
  datapath: number;
  keys: readonly MapKey[];
}

interface MapKey {
  map: ConfigMap;
  /** keyText() of the key. */
  key: string;
}

/**
 * Everything that shall be in the maps, kept by who wants it. A key that several units want (one MAC on two ports)
 * goes to the unit with the smallest name, whatever the order they came in, and to the next when that one leaves:
 * so what the maps hold follows from the resources alone, never from history.
 */
export class Claims {
  readonly #units = new Map<string, Unit>();
  readonly #maps = new Map<ConfigMap, Map<string, Claim[]>>();
  readonly #dirty = new Map<ConfigMap, Set<string>>();
  readonly #watchers = new Set<Set<string>>();
  /** Datapath that a key belonged to when it lost its last claim. */
  readonly #orphans = new Map<string, number>();

  /** Replaces all that a unit wants; an empty list removes the unit. */
  set(unit: string, datapath: number, entries: readonly Entry[]): void {
    const before = this.#units.get(unit);
    if (before === undefined && entries.length === 0) return;
    const keys = entries.map(({ map, key }) => ({ map, key: keyText(key) }));
    for (let i = 0; i < keys.length; i++) {
      const { map, key } = keys[i]!;
      this.#claim(map, key, unit, entries[i]!.value);
    }
    if (before !== undefined) this.#unclaimOthers(unit, before, keys);
    if (entries.length > 0) this.#units.set(unit, { datapath, keys });
    else this.#units.delete(unit);
  }

  #unclaimOthers(unit: string, before: Unit, keys: readonly MapKey[]): void {
    const kept = new Set(keys.map(({ map, key }) => `${map} ${key}`));
    for (const { map, key } of before.keys)
      if (!kept.has(`${map} ${key}`)) this.#unclaim(map, key, unit, before.datapath);
  }

  #claim(map: ConfigMap, key: string, unit: string, value: Buffer): void {
    const table = this.#table(map);
    const claims = table.get(key) ?? [];
    const own = claims.find((claim) => claim.unit === unit);
    if (own?.value.equals(value)) return;
    if (own !== undefined) own.value = value;
    else claims.push({ unit, value });
    if (claims.length > 1) claims.sort((a, b) => (a.unit < b.unit ? -1 : 1));
    table.set(key, claims);
    this.touch(map, key);
  }

  #unclaim(map: ConfigMap, key: string, unit: string, datapath: number): void {
    const table = this.#table(map);
    const left = (table.get(key) ?? []).filter((claim) => claim.unit !== unit);
    if (left.length > 0) table.set(key, left);
    else {
      table.delete(key);
      this.#orphans.set(`${map} ${key}`, datapath);
    }
    this.touch(map, key);
  }

  #table(map: ConfigMap): Map<string, Claim[]> {
    let table = this.#maps.get(map);
    if (table === undefined) {
      table = new Map();
      this.#maps.set(map, table);
    }
    return table;
  }

  /**
   * Notes every key (see mapKeyText) that is touched from now on, until stop().
   * @returns the set that grows
   */
  watch(): { touched: ReadonlySet<string>; stop(): void } {
    const touched = new Set<string>();
    this.#watchers.add(touched);
    return { touched, stop: () => void this.#watchers.delete(touched) };
  }

  /** Has the key compared with the map again at the next flush. */
  touch(map: ConfigMap, key: string): void {
    for (const watcher of this.#watchers) watcher.add(mapKeyText(map, key));
    let keys = this.#dirty.get(map);
    if (keys === undefined) {
      keys = new Set();
      this.#dirty.set(map, keys);
    }
    keys.add(key);
  }

  /** The winner at a key; undefined: nothing shall be there. */
  wanted(map: ConfigMap, key: string): Wanted | undefined {
    const claim = this.#maps.get(map)?.get(key)?.[0];
    if (claim === undefined) return undefined;
    return { ...claim, datapath: this.#units.get(claim.unit)?.datapath ?? 0 };
  }

  /** Whose epoch the removal of a key bumps; 0: nobody's. */
  formerDatapath(map: ConfigMap, key: string): number {
    return this.#orphans.get(`${map} ${key}`) ?? 0;
  }

  /** Keys that changed since the last call, by map. */
  takeDirty(): Map<ConfigMap, Set<string>> {
    const taken = new Map(this.#dirty);
    this.#dirty.clear();
    return taken;
  }

  forgetOrphans(): void {
    this.#orphans.clear();
  }

  /** Every key wanted in a map. */
  keys(map: ConfigMap): Iterable<string> {
    return this.#maps.get(map)?.keys() ?? [];
  }

  /** Everything wanted, for comparison in tests and for counting. */
  *entries(): Generator<{ map: ConfigMap; key: string; value: Buffer }> {
    for (const [map, table] of this.#maps) {
      for (const [key, claims] of table) yield { map, key, value: claims[0]!.value };
    }
  }

  get units(): number {
    return this.#units.size;
  }
}
