import { type Link, type Log, type Netlink, NetlinkError } from '../netlink/index.js';

/**
 * What is done to a device when it is plugged: it is set up, and gets Interface.mtu_request. Each once: an operator who
 * changes the device afterwards is not fought.
 */
export class DeviceSetup {
  readonly #netlink: Netlink;
  readonly #log: Log;
  readonly #raised = new Set<number>();
  readonly #mtu = new Map<number, number>();
  readonly #failures = new Map<number, Map<string, string>>();

  constructor(netlink: Netlink, log: Log) {
    this.#netlink = netlink;
    this.#log = log;
  }

  /** Sets a device up that is plugged for the first time. */
  raise({ ifindex, name, up }: Link): void {
    if (this.#raised.has(ifindex)) return;
    this.#raised.add(ifindex);
    if (!up) this.#try(ifindex, name, 'admin_state', () => this.#netlink.writer.setUp(ifindex));
  }

  requestMtu({ ifindex, name, mtu }: Link, wanted: number | undefined): void {
    if (this.#mtu.get(ifindex) === wanted) return;
    this.#failures.get(ifindex)?.delete('mtu_request');
    if (wanted === undefined) {
      this.#mtu.delete(ifindex);
      return;
    }
    this.#mtu.set(ifindex, wanted);
    if (mtu !== wanted)
      this.#try(ifindex, name, 'mtu_request', () => this.#netlink.writer.setMtu(ifindex, wanted));
  }

  /** The device is gone; a number may come again. */
  forget(ifindex: number): void {
    this.#raised.delete(ifindex);
    this.#mtu.delete(ifindex);
    this.#failures.delete(ifindex);
  }

  /** Column of Interface → what did not work with the device. */
  failures(ifindex: number): ReadonlyMap<string, string> {
    return this.#failures.get(ifindex) ?? new Map();
  }

  #try(ifindex: number, name: string, column: string, change: () => void): void {
    try {
      change();
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      // It vanished just now: the event that says so is on its way.
      if (error.code === 'ENODEV') return;
      this.#log.warn({ device: name, column, error: error.message }, 'the device cannot be configured');
      const failures = this.#failures.get(ifindex) ?? new Map<string, string>();
      this.#failures.set(ifindex, failures.set(column, error.message));
    }
  }
}
