import { type Address, parseAddress } from './address.js';
import { AddressTable } from './addressTable.js';
import {
  IFLA_EXT_MASK,
  RTEXT_FILTER_SKIP_STATS,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
} from './constants.js';
import { type Link, linkHeader, parseLink } from './link.js';
import { type AttributeToSend, u32 } from './message.js';
import { RequestSocket } from './requestSocket.js';

/** Asks for devices without their counters. */
export const WITHOUT_STATISTICS: AttributeToSend = [IFLA_EXT_MASK, u32(RTEXT_FILTER_SKIP_STATS)];

/** One complete reading of what the kernel has. */
export interface Inventory {
  readonly links: ReadonlyMap<number, Link>;
  readonly addresses: ReadonlyMap<number, readonly Address[]>;
}

/** Reads all devices and addresses; throws NetlinkError. */
export async function readInventory(): Promise<Inventory> {
  const links = new Map<number, Link>();
  await RequestSocket.dump(
    'list of devices',
    RTM_GETLINK,
    linkHeader(0),
    [WITHOUT_STATISTICS],
    () => links.clear(),
    ({ type, payload }) => {
      const link = type === RTM_NEWLINK ? parseLink(payload) : undefined;
      if (link !== undefined) links.set(link.ifindex, link);
    },
  );
  let table = new AddressTable();
  await RequestSocket.dump(
    'list of addresses',
    RTM_GETADDR,
    Buffer.alloc(8), // struct ifaddrmsg
    [],
    () => {
      table = new AddressTable();
    },
    ({ type, payload }) => {
      const found = type === RTM_NEWADDR ? parseAddress(payload) : undefined;
      if (found !== undefined) table.add(found.ifindex, found.address);
    },
  );
  return { links, addresses: table.byIndex };
}
