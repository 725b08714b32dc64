import ipaddr from 'ipaddr.js';

/** 4 or 16 bytes. */
export function parseIp(text: string): Buffer {
  return Buffer.from(ipaddr.parse(text).toByteArray());
}
