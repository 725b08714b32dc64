/**
 * Hardware address of a bridge's local port: other_config:hwaddr, else one made of the Bridge's uuid, so that it is the same
 * after a restart; unicast and locally administered (IEEE 802).
 */
export function localMac(bridgeUuid: string, hwaddr: string | undefined): string {
  if (hwaddr !== undefined && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(hwaddr)) return hwaddr.toLowerCase();
  const digits = bridgeUuid.replaceAll('-', '');
  const first = ((Number.parseInt(digits.slice(0, 2), 16) & 0xfc) | 0x02).toString(16).padStart(2, '0');
  return `${first}${digits.slice(2, 12)}`.replace(/..(?=.)/g, '$&:');
}
