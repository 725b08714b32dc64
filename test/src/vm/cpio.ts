import { basename } from 'node:path';

/** A file of an archive; parents are made by the order of the list. */
export interface CpioEntry {
  /** Without leading slash. */
  path: string;
  /** Absent: a directory. */
  data?: Buffer;
  /** Default: 0755. */
  mode?: number;
}

const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;

/** A cpio archive in the "newc" format, which the kernel unpacks as its first root file system (initramfs-buffer-format). */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.map((entry, index) => record(entry, index + 1));
  return Buffer.concat([...parts, record({ path: 'TRAILER!!!', data: Buffer.alloc(0), mode: 0 }, 0)]);
}

function record({ path, data, mode = 0o755 }: CpioEntry, inode: number): Buffer {
  if (basename(path) === '' || path.startsWith('/')) throw new Error(`cpio: not a relative path: "${path}"`);
  const type = data ? S_IFREG : S_IFDIR;
  const name = Buffer.from(`${path}\0`);
  const size = data?.length ?? 0;
  // inode, mode, uid, gid, links, mtime, size, device (4 numbers), length of the name, checksum
  const fields = [inode, type | mode, 0, 0, data ? 1 : 2, 0, size, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((n) => n.toString(16).padStart(8, '0')).join('')}`);
  return Buffer.concat([aligned(Buffer.concat([header, name])), aligned(data ?? Buffer.alloc(0))]);
}

function aligned(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc(-data.length & 3)]);
}
