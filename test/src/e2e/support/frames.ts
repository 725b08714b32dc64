/** "02:00:00:00:00:01" in transmission order. */
export const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');

/** An Ethernet frame, padded to the 60 bytes that a wire carries at least. */
export function ethernet(destination: string, source: string, type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(14);
  macBytes(destination).copy(header, 0);
  macBytes(source).copy(header, 6);
  header.writeUInt16BE(type, 12);
  const frame = Buffer.concat([header, payload]);
  return Buffer.concat([frame, Buffer.alloc(Math.max(0, 60 - frame.length))]);
}

/** Ethertype for local experiments (IEEE 802, 0x88b5): nothing on the machine answers or sends it by itself. */
export const experiment = 0x88b5;
