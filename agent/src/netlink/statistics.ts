import { IFLA_STATS_LINK_64, RTM_GETSTATS, RTM_NEWSTATS } from './constants.js';
import { attributesOf } from './message.js';
import { RequestSocket } from './requestSocket.js';

/** A device's counters since it was made, under the names of Interface:statistics in ovs-vswitchd.conf.db(5). */
export type LinkStatistics = Readonly<Record<(typeof FIELDS)[number], number>>;

// Order of struct rtnl_link_stats64 (linux/if_link.h).
const FIELDS = [
  'rx_packets',
  'tx_packets',
  'rx_bytes',
  'tx_bytes',
  'rx_errors',
  'tx_errors',
  'rx_dropped',
  'tx_dropped',
  'rx_multicast_packets',
  'collisions',
  'rx_length_errors',
  'rx_over_err',
  'rx_crc_err',
  'rx_frame_err',
  'rx_fifo_errors',
  'rx_missed_errors',
] as const;

/** The counters of every device, by ifindex. */
export async function dumpStatistics(): Promise<Map<number, LinkStatistics>> {
  const header = Buffer.alloc(12); // struct if_stats_msg
  header.writeUInt32LE(1 << (IFLA_STATS_LINK_64 - 1), 8);
  const result = new Map<number, LinkStatistics>();
  await RequestSocket.dump(
    'device statistics',
    RTM_GETSTATS,
    header,
    [],
    () => result.clear(),
    ({ type, payload }) => {
      const counters = attributesOf(payload, 12).get(IFLA_STATS_LINK_64);
      if (type !== RTM_NEWSTATS || counters === undefined || counters.length < FIELDS.length * 8) return;
      const entries = FIELDS.map((name, at) => [name, Number(counters.readBigUInt64LE(at * 8))] as const);
      result.set(payload.readUInt32LE(4), Object.fromEntries(entries) as LinkStatistics);
    },
  );
  return result;
}
