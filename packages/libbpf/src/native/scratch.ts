import koffi from 'koffi';

/** Memory whose address never changes, for structs that hold pointers. Never freed: make few, at module level. */
export class Scratch {
  readonly address: bigint;
  readonly bytes: Buffer;

  constructor(size: number) {
    this.address = koffi.alloc('uint8_t', size) as bigint;
    this.bytes = Buffer.from(koffi.view(this.address, size));
  }
}
