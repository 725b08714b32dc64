/** What an IGMP or MLD message says of one group. */
export interface Membership {
  /** 4 or 16 bytes; empty: a query, there is a multicast router at the port. */
  group: Buffer;
  left: boolean;
}

const igmp = { query: 0x11, report1: 0x12, report2: 0x16, leave: 0x17, report3: 0x22 } as const;
const mld = { query: 130, report: 131, done: 132, report2: 143 } as const;

/** Types of the records of IGMPv3 (RFC 3376 4.2.12) and MLDv2 (RFC 3810 5.2.12) reports. */
const record = { include: 1, toInclude: 3, last: 6 } as const;

const QUERY: Membership = { group: Buffer.alloc(0), left: false };

/** @param message from the type on, its checksum right; where it is cut it ends */
export function igmpMemberships(message: Buffer): Membership[] {
  const group = Buffer.from(message.subarray(4, 8));
  if (group.length < 4) return [];
  switch (message[0]) {
    case igmp.query:
      return [QUERY];
    case igmp.report1:
    case igmp.report2:
      return [{ group, left: false }];
    case igmp.leave:
      return [{ group, left: true }];
    case igmp.report3:
      return records(message, 4);
    default:
      return [];
  }
}

/** @param message like that of igmpMemberships() */
export function mldMemberships(message: Buffer): Membership[] {
  if (message[0] === mld.report2) return records(message, 16);
  if (message[0] === mld.query) return [QUERY];
  const group = Buffer.from(message.subarray(8, 24));
  if (group.length < 16 || (message[0] !== mld.report && message[0] !== mld.done)) return [];
  return [{ group, left: message[0] === mld.done }];
}

/** Both protocols have the count at 6, and in a record: type, length of other data, number of sources, group, sources. */
function records(message: Buffer, size: 4 | 16): Membership[] {
  if (message.length < 8) return [];
  const found: Membership[] = [];
  let offset = 8;
  for (let left = message.readUInt16BE(6); left > 0 && offset + 4 + size <= message.length; left--) {
    const type = message[offset]!;
    const sources = message.readUInt16BE(offset + 2);
    // Of no source any more: that is what leaving is.
    const leaves = sources === 0 && (type === record.include || type === record.toInclude);
    const group = Buffer.from(message.subarray(offset + 4, offset + 4 + size));
    if (type >= record.include && type <= record.last) found.push({ group, left: leaves });
    offset += 4 + size + sources * size + message[offset + 1]! * 4;
  }
  return found;
}
