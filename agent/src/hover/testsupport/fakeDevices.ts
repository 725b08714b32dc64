import { EventEmitter } from 'node:events';
import type { Link, LinkEvent } from '../../netlink/index.js';

/** Network devices that exist only here: for tests of what happens when they come and go. */
export class FakeDevices extends EventEmitter<{ link: [LinkEvent]; resync: [] }> {
  readonly links = new Map<number, Link>();

  findLink(name: string): Link | undefined {
    return [...this.links.values()].find((link) => link.name === name);
  }

  set(ifindex: number, name: string, more: Partial<Link> = {}): void {
    const old = this.links.get(ifindex);
    const link = {
      ifindex,
      name,
      mtu: 1500,
      up: true,
      lowerUp: true,
      group: 0,
      peerInOtherNetns: false,
      ...more,
    };
    this.links.set(ifindex, link);
    this.emit('link', { kind: old === undefined ? 'new' : 'changed', link, old });
  }

  remove(ifindex: number): void {
    const link = this.links.get(ifindex)!;
    this.links.delete(ifindex);
    this.emit('link', { kind: 'removed', link });
  }
}

export const silent = { debug() {}, info() {}, warn() {}, error() {} };
