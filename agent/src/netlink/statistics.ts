import { IFLA_STATS_LINK_64, RTM_GETSTATS, RTM_NEWSTATS } from './constants.js';
import { attributesOf } from './message.js';
import { RequestSocket } from './requestSocket.js';

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

/** A counter, under its name of Interface:statistics in ovs-vswitchd.conf.db(5). */
export type CounterName = (typeof FIELDS)[number];

const AT = new Map<CounterName, number>(FIELDS.map((name, index) => [name, index * 8]));
const LENGTH = FIELDS.length * 8;

/**
 * A device's counters since it was made. Most of thousands of devices stand still between two looks, so they are kept as the
 * kernel sent them, and read when they are asked for.
 */
export class LinkCounters {
  readonly #sent: Buffer;

  /** @param sent the beginning of struct rtnl_link_stats64; not kept */
  constructor(sent: Buffer) {
    this.#sent = Buffer.from(sent.subarray(0, LENGTH));
  }

  get(name: CounterName): number {
    return Number(this.#sent.readBigUInt64LE(AT.get(name)));
  }

  equals(other: LinkCounters): boolean {
    return this.#sent.equals(other.#sent);
  }
}

/** The counters of every device, by ifindex. */
export async function dumpStatistics(): Promise<Map<number, LinkCounters>> {
  const header = Buffer.alloc(12); // struct if_stats_msg
  header.writeUInt32LE(1 << (IFLA_STATS_LINK_64 - 1), 8);
  const result = new Map<number, LinkCounters>();
  await RequestSocket.dump(
    'device statistics',
    RTM_GETSTATS,
    header,
    [],
    () => result.clear(),
    ({ type, payload }) => {
      const counters = attributesOf(payload, 12).get(IFLA_STATS_LINK_64);
      if (type !== RTM_NEWSTATS || counters === undefined || counters.length < LENGTH) return;
      result.set(payload.readUInt32LE(4), new LinkCounters(counters));
    },
  );
  return result;
}
