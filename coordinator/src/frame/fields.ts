import type { Microflow } from '../microflow/microflow.js';
import { type Field, fieldWidths } from '../microflow/symbols.js';
import { toBytes } from './bytes.js';

/** A microflow's fields, completed: bits that it does not speak of come from a default. */
export class Fields {
  readonly #flow: Microflow;

  constructor(flow: Microflow) {
    this.#flow = flow;
  }

  /** Whether anything is said of the field. */
  has(field: Field): boolean {
    return this.#flow.fields.has(field);
  }

  number(field: Field, otherwise: bigint): bigint {
    const { value, mask } = this.#flow.fields.get(field) ?? { value: 0n, mask: 0n };
    return value | (otherwise & ~mask);
  }

  /** Like number(), as a small one. */
  small(field: Field, otherwise: number): number {
    return Number(this.number(field, BigInt(otherwise)));
  }

  /** Like number(), in network order. */
  bytes(field: Field, otherwise: Uint8Array): Buffer {
    const length = fieldWidths[field] / 8;
    const number = this.number(field, BigInt(`0x${Buffer.from(otherwise).toString('hex') || '0'}`));
    return toBytes(number, length);
  }
}
