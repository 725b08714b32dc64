import { type Link, Netlink } from '../../netlink/index.js';
import { RecordingLog } from '../../netlink/testsupport/recordingLog.js';
import { until } from '../../netlink/testsupport/until.js';
import { readSystemIdOverride } from '../systemIdOverride.js';
import { Taps } from '../taps.js';
import { LocalOvsdb } from './localOvsdb.js';

const EVENTS = ['plugged', 'devices', 'networks', 'config', 'problems', 'connected', 'disconnected'] as const;

/** A local database and the agent's side of it, in the namespace the test is in. */
export class Hypervisor {
  readonly db = new LocalOvsdb();
  readonly log = new RecordingLog();
  readonly #netlink = Netlink.open(this.log);
  /** Names of the events of `taps` since the last restart of it. */
  readonly events: string[] = [];
  #taps: Taps | undefined;

  /** Database with system-id hv1 and encapsulations, and taps connected to it. @param before that, somebody else has it */
  static async start(
    settings = 'system-id=hv1 ovn-encap-type=geneve,vxlan ovn-encap-ip=192.0.2.1',
    before: (db: LocalOvsdb) => Promise<void> = async () => undefined,
  ) {
    const hypervisor = new Hypervisor();
    await hypervisor.db.start();
    await hypervisor.set(settings);
    await before(hypervisor.db);
    await hypervisor.#netlink.start();
    await hypervisor.startTaps();
    return hypervisor;
  }

  /** Those started last. */
  get taps(): Taps {
    if (this.#taps === undefined) throw new Error('startTaps was not called');
    return this.#taps;
  }

  /** external_ids of the Open_vSwitch row. */
  async set(settings: string): Promise<void> {
    const words = settings.split(' ').map((setting) => `external_ids:${setting}`);
    await this.db.vsctl(`--no-wait init -- set Open_vSwitch . ${words.join(' ')}`);
  }

  async startTaps(): Promise<void> {
    this.events.length = 0;
    this.#taps = new Taps({
      remote: this.db.remote,
      netlink: this.#netlink,
      log: this.log,
      systemIdOverride: readSystemIdOverride(this.db.directory),
    });
    for (const event of EVENTS) this.taps.on(event, () => this.events.push(event));
    await this.taps.start();
  }

  until(condition: () => boolean): Promise<void> {
    return until(this.taps, EVENTS, condition);
  }

  /** Resolves when the device of this name is there and as it should be. */
  linked(name: string, condition: (link: Link) => boolean): Promise<void> {
    return until(this.#netlink, ['link'], () => {
      const link = this.#netlink.linkByName(name);
      return link !== undefined && condition(link);
    });
  }

  /** Messages of the problems, sorted. */
  problems(): string[] {
    return this.taps.problems.map(({ name, column, message }) => `${name} ${column}: ${message}`).sort();
  }

  async stop(): Promise<void> {
    await this.#taps?.stop();
    this.#netlink.close();
    await this.db.stop();
  }
}
