import type { FdbRow } from '../monitor/rows.js';
import { MultiMap } from './multimap.js';
import type { CompiledResource } from './resource.js';

/** A row of Southbound's FDB. */
export interface LearnedMacState {
  readonly row: FdbRow;
  compiled?: CompiledResource;
}

/** Southbound's FDB: which MAC was seen behind which port, by datapath and by address. */
export class LearnedMacs {
  readonly #rows = new Map<string, LearnedMacState>();
  readonly #ofDatapath = new MultiMap<number, LearnedMacState>();
  readonly #byAddress = new Map<string, LearnedMacState>();

  get(uuid: string): LearnedMacState | undefined {
    return this.#rows.get(uuid);
  }

  /** Those of the datapath with this tunnel key. */
  of(datapathKey: number): ReadonlySet<LearnedMacState> {
    return this.#ofDatapath.get(datapathKey);
  }

  /** `mac` as the FDB writes it: lower case, with colons. */
  find(datapathKey: number, mac: string): FdbRow | undefined {
    return this.#byAddress.get(addressKey(datapathKey, mac))?.row;
  }

  /** Takes one row's change; returns the keys of the datapaths that it is about. */
  set(uuid: string, row: FdbRow | undefined): number[] {
    const old = this.#rows.get(uuid);
    if (old) this.#remove(old);
    if (row) {
      const state = { row };
      this.#rows.set(uuid, state);
      this.#ofDatapath.add(row.dp_key, state);
      this.#byAddress.set(addressKey(row.dp_key, row.mac), state);
    }
    return [...new Set([old?.row.dp_key, row?.dp_key])].filter((key) => key !== undefined);
  }

  #remove(state: LearnedMacState): void {
    const { _uuid, dp_key, mac } = state.row;
    this.#rows.delete(_uuid);
    this.#ofDatapath.delete(dp_key, state);
    // Rows of one transaction come in any order: the address may have a new row already.
    const key = addressKey(dp_key, mac);
    if (this.#byAddress.get(key) === state) this.#byAddress.delete(key);
  }
}

function addressKey(datapathKey: number, mac: string): string {
  return `${datapathKey} ${mac.toLowerCase()}`;
}
