import type { Pins } from '../pins.js';

/**
 * A load whose maps are new, beside programs of an earlier load with maps of its own: another version of the ABI, or pins that were lost.
 * Those programs go on until the new maps are filled: to put the new ones in their place before would drop what they forward.
 */
export class Succession {
  /** Where earlier loads of other versions of the ABI have their pins. */
  readonly others: readonly Pins[];
  #waits: boolean;

  /** @param waits the maps are new */
  constructor(others: readonly Pins[] = [], waits = false) {
    this.others = others;
    this.#waits = waits;
  }

  /** Whether what a device carries of an earlier load stays there for now. */
  get waits(): boolean {
    return this.#waits;
  }

  /** The maps are filled. */
  end(): void {
    this.#waits = false;
  }
}
