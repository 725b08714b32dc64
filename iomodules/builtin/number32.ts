/** A __u32 in host byte order, as keys of arrays are. */
export function number32(value: number): Buffer {
  return Buffer.from(new Uint32Array([value]).buffer);
}
