import { byUuid, type Client } from '@iovisor-ovn/ovsdb-client';
import type { CounterName, LinkCounters, Log, Netlink } from '../netlink/index.js';

export interface StatisticsWriterOptions {
  readonly client: Client;
  readonly netlink: Netlink;
  readonly log: Log;
  readonly lock: string;
  /** Interface uuid and ifindex of every plugged device. */
  readonly devices: () => Iterable<readonly [uuid: string, ifindex: number]>;
  /** Open_vSwitch.other_config:stats-update-interval, milliseconds. */
  readonly intervalMs: () => number;
  /** Called in the same rhythm, for what else is announced by nobody. */
  readonly beforeEach: () => void;
}

/** What ovs-vswitchd shows of a device. */
const SHOWN = [
  'collisions',
  'rx_bytes',
  'rx_crc_err',
  'rx_dropped',
  'rx_errors',
  'rx_frame_err',
  'rx_missed_errors',
  'rx_multicast_packets',
  'rx_over_err',
  'rx_packets',
  'tx_bytes',
  'tx_dropped',
  'tx_errors',
  'tx_packets',
] as const satisfies readonly CounterName[];

/** Most rows in one transaction: some milliseconds of work here, and as much in ovsdb-server while nobody else is answered. */
const ROWS_AT_ONCE = 256;

/** An Interface row whose counters are to be written. */
type News = readonly [uuid: string, counters: LinkCounters];

/** Keeps Interface.statistics, in a rhythm: the kernel announces no counters. Rows whose counters stand still are not written. */
export class StatisticsWriter {
  readonly #options: StatisticsWriterOptions;
  readonly #written = new Map<string, LinkCounters>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StatisticsWriterOptions) {
    this.#options = options;
  }

  /** Begins, as for a database that has no counters yet. */
  start(): void {
    this.stop();
    this.#written.clear();
    this.#arm();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    const timer = setTimeout(() => {
      void this.#write().then(() => {
        if (this.#timer === timer) this.#arm();
      });
    }, this.#options.intervalMs());
    timer.unref();
    this.#timer = timer;
  }

  async #write(): Promise<void> {
    const { netlink, log, devices, beforeEach } = this.#options;
    try {
      beforeEach();
      const plugged = new Map(devices());
      for (const uuid of this.#written.keys()) if (!plugged.has(uuid)) this.#written.delete(uuid);
      if (plugged.size === 0) return;
      const counters = await netlink.statistics();
      const news: News[] = [];
      for (const [uuid, ifindex] of plugged) {
        const now = counters.get(ifindex);
        const before = this.#written.get(uuid);
        if (now !== undefined && (before === undefined || !before.equals(now))) news.push([uuid, now]);
      }
      for (let at = 0; at < news.length; at += ROWS_AT_ONCE)
        await this.#writeSome(news.slice(at, at + ROWS_AT_ONCE));
    } catch (error) {
      // Counters are for looking at; the next round comes soon.
      log.debug({ error: String(error) }, 'interface statistics were not written');
    }
  }

  async #writeSome(news: readonly News[]): Promise<void> {
    const { client, lock } = this.#options;
    const transaction = client.transaction().assertLock(lock);
    for (const [uuid, counters] of news) {
      const statistics = new Map(SHOWN.map((name) => [name, counters.get(name)]));
      transaction.update('Interface', [byUuid(uuid)], { statistics });
    }
    await transaction.commit();
    for (const [uuid, counters] of news) this.#written.set(uuid, counters);
  }
}
