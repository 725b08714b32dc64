import type { Random } from '../random.js';

const interesting = [0, 1, 0x7f, 0x80, 0xff];

/** Changes some bytes: bits, values, lengths; cuts, repeats and splices pieces. `other`: what pieces of may come in. */
export function mutate(random: Random, bytes: Buffer, other: Buffer = bytes, least = 0): Buffer {
  let result: Buffer = Buffer.from(bytes);
  for (let times = 1 + random.int(4); times > 0; times--) result = once(random, result, other);
  return result.length < least ? Buffer.concat([result, Buffer.alloc(least - result.length)]) : result;
}

function once(random: Random, bytes: Buffer, other: Buffer): Buffer {
  if (bytes.length === 0) return Buffer.from(other);
  const at = random.int(bytes.length);
  switch (random.int(8)) {
    case 0:
      bytes[at]! ^= 1 << random.int(8);
      return bytes;
    case 1:
      bytes[at] = random.pick(interesting);
      return bytes;
    case 2:
      bytes[at] = random.int(256);
      return bytes;
    case 3:
      if (at + 2 <= bytes.length)
        bytes.writeUInt16BE(random.pick([0, 1, 0xffff, bytes.length, random.int(2048)]), at);
      return bytes;
    case 4:
      return bytes.subarray(0, at);
    case 5: {
      const end = at + random.int(bytes.length - at);
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    }
    case 6: {
      const from = random.int(other.length);
      return Buffer.concat([
        bytes.subarray(0, at),
        other.subarray(from, from + random.int(40)),
        bytes.subarray(at),
      ]);
    }
    default:
      return Buffer.concat([bytes, Buffer.alloc(random.int(64), random.int(256))]);
  }
}
