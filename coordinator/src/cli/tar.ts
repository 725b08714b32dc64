/** A file of an archive. */
export interface TarFile {
  /** Relative, at most 100 bytes. */
  name: string;
  content: string | Buffer;
}

const block = 512;

/** A POSIX tar archive (ustar) of plain files, mode 0600. */
export function tar(files: readonly TarFile[], time: Date): Buffer {
  const parts = files.flatMap(({ name, content }) => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content);
    return [header(name, bytes.length, time), bytes, Buffer.alloc((block - (bytes.length % block)) % block)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

function header(name: string, size: number, time: Date): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`${name} is too long for a tar archive`);
  const bytes = Buffer.alloc(block);
  const octal = (value: number, offset: number, length: number) =>
    bytes.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset);
  bytes.write(name, 0);
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(Math.floor(time.getTime() / 1000), 136, 12);
  bytes.write('        ', 148);
  bytes.write('0', 156);
  bytes.write('ustar\0', 257);
  bytes.write('00', 263);
  const sum = bytes.reduce((total, one) => total + one, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return bytes;
}
