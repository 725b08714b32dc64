import { type BtfMember, type BtfType, btfKinds } from './type.js';

/**
 * clang before 15 never says that an enum is signed. Then it is taken as signed if it has a value that would
 * otherwise be absurdly large: errno values and the like. Flags up to 1 << 31 stay positive.
 */
const MAX_ERRNO = 4096;

/** Decodes the struct btf_type at `at`. `text` resolves offsets into the string section. */
export function readType(data: Buffer, at: number, text: (offset: number) => string): BtfType {
  const name = text(data.readUInt32LE(at));
  const info = data.readUInt32LE(at + 4);
  const kind = btfKinds[(info >>> 24) & 0x1f]!;
  const vlen = info & 0xffff;
  const flag = info >>> 31 === 1;
  // Size or type number, as the kind has it.
  const word = data.readUInt32LE(at + 8);
  const rest = at + 12;
  const each = <T>(size: number, read: (offset: number) => T): T[] =>
    Array.from({ length: vlen }, (_, i) => read(rest + i * size));
  switch (kind) {
    case 'void':
      return { kind, name: '' };
    case 'int': {
      const encoding = data.readUInt32LE(rest);
      const [signed, char, bool] = [1, 2, 4].map((bit) => ((encoding >>> 24) & bit) !== 0);
      return { kind, name, size: word, signed: signed!, char: char!, bool: bool!, bits: encoding & 0xff };
    }
    case 'float':
      return { kind, name, size: word };
    case 'array':
      return { kind, name, type: data.readUInt32LE(rest), count: data.readUInt32LE(rest + 8) };
    case 'struct':
    case 'union':
      return { kind, name, size: word, members: each(12, (o) => readMember(data, o, flag, text)) };
    case 'enum': {
      const raw = each(8, (o) => data.readInt32LE(o + 4));
      const signed = flag || raw.some((value) => value < 0 && value >= -MAX_ERRNO);
      const values = raw.map((value, i): [string, bigint] => [
        text(data.readUInt32LE(rest + 8 * i)),
        BigInt(signed ? value : value >>> 0),
      ]);
      return { kind, name, size: word, signed, values };
    }
    case 'enum64': {
      const value = (o: number) => (flag ? data.readBigInt64LE(o + 4) : data.readBigUInt64LE(o + 4));
      return {
        kind,
        name,
        size: word,
        signed: flag,
        values: each(12, (o) => [text(data.readUInt32LE(o)), value(o)]),
      };
    }
    case 'func_proto': {
      const params = each(8, (o) => ({ name: text(data.readUInt32LE(o)), type: data.readUInt32LE(o + 4) }));
      return { kind, name, type: word, params };
    }
    case 'datasec': {
      const vars = each(12, (o) => ({
        type: data.readUInt32LE(o),
        offset: data.readUInt32LE(o + 4),
        size: data.readUInt32LE(o + 8),
      }));
      return { kind, name, size: word, vars };
    }
    case 'fwd':
      return { kind, name };
    default:
      return { kind, name, type: word };
  }
}

function readMember(
  data: Buffer,
  at: number,
  bitfields: boolean,
  text: (offset: number) => string,
): BtfMember {
  const offset = data.readUInt32LE(at + 8);
  return {
    name: text(data.readUInt32LE(at)),
    type: data.readUInt32LE(at + 4),
    bitOffset: bitfields ? offset & 0xffffff : offset,
    bitSize: bitfields ? offset >>> 24 : 0,
  };
}
