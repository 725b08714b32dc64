import { FrameError } from './frame-error.js';

const ethernet = 1;

/**
 * The first packet of a capture file, classic or pcapng, of either byte order.
 * @throws FrameError when it is none, not of Ethernet, or empty
 */
export function firstPacket(file: Buffer): Buffer {
  try {
    const magic = file.readUInt32BE(0);
    if (magic === 0x0a0d0d0a) return pcapng(file);
    if (magic === 0xa1b2c3d4 || magic === 0xa1b23c4d) return classic(new Reader(file, false));
    if (magic === 0xd4c3b2a1 || magic === 0x4d3cb2a1) return classic(new Reader(file, true));
  } catch (error) {
    if (error instanceof RangeError) throw new FrameError('the capture file ends before its first packet');
    throw error;
  }
  throw new FrameError('this is no capture file (pcap or pcapng)');
}

class Reader {
  constructor(
    readonly bytes: Buffer,
    readonly little: boolean,
  ) {}

  u32(at: number): number {
    return this.little ? this.bytes.readUInt32LE(at) : this.bytes.readUInt32BE(at);
  }

  u16(at: number): number {
    return this.little ? this.bytes.readUInt16LE(at) : this.bytes.readUInt16BE(at);
  }

  slice(at: number, length: number): Buffer {
    if (at + length > this.bytes.length) throw new RangeError();
    return this.bytes.subarray(at, at + length);
  }
}

function classic(file: Reader): Buffer {
  // The upper bits say whether a frame check sequence follows, which is captured nowhere by default.
  checkLinkType(file.u32(20) & 0xffff);
  return file.slice(40, file.u32(32));
}

function pcapng(bytes: Buffer): Buffer {
  const file = new Reader(bytes, bytes.readUInt32LE(8) === 0x1a2b3c4d);
  for (let at = 0; ; at += Math.max(12, file.u32(at + 4))) {
    const type = file.u32(at);
    // The first interface is that of the first packet, but for files that nobody writes.
    if (type === 1) checkLinkType(file.u16(at + 8));
    if (type === 6) return file.slice(at + 28, file.u32(at + 20));
    if (type === 3) return file.slice(at + 12, Math.min(file.u32(at + 8), file.u32(at + 4) - 16));
  }
}

function checkLinkType(type: number): void {
  if (type !== ethernet)
    throw new FrameError(`the capture file holds packets of link type ${type}, not Ethernet (1)`);
}
