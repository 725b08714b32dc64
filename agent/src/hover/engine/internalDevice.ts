import { once } from 'node:events';
import { WakefulPause } from '../../datapath/attach/wakefulPause.js';
import type { Link, LinkEvent, Log, Netlink } from '../../netlink/index.js';

/** Names of the agent's own veth pair: what is sent to `out` comes in at `in`. Not for anybody else. */
export const INTERNAL = { out: 'iovh0', in: 'iovh1' } as const;
/** As long as a packet can be, with segments still to be cut. */
const MTU = 65535;
const ALIAS = 'IOVisor user modules';
/** Until it is tried again to make the pair, ms. */
const PATIENCE = 1000;

/** Ifindexes of the pair. */
export interface DevicePair {
  readonly out: number;
  readonly in: number;
}

/**
 * The pair. A packet can be in one module at a time: its copies for other modules, and the agent's packets, start here. Somebody
 * may remove it or set it down, as any device: it is made, or set up, again.
 */
export class InternalDevice {
  readonly #netlink: Netlink;
  readonly #log: Log;
  #pair: DevicePair;
  #use: ((pair: DevicePair) => void) | undefined;
  #mending: Promise<void> | undefined;
  readonly #pause = new WakefulPause();
  #problem: string | undefined;
  #closed = false;

  private constructor(netlink: Netlink, pair: DevicePair, log: Log) {
    this.#netlink = netlink;
    this.#pair = pair;
    this.#log = log;
  }

  static async make(netlink: Netlink, log: Log): Promise<InternalDevice> {
    return new InternalDevice(netlink, await makePair(netlink), log);
  }

  get pair(): DevicePair {
    return this.#pair;
  }

  /** Why there is none; undefined: there is one. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** @param use is told of the pair, now and whenever it is another one */
  follow(use: (pair: DevicePair) => void): void {
    this.#use = use;
    use(this.#pair);
    this.#netlink.on('link', this.#onLink);
  }

  /** The pair stays for the caller to remove. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#netlink.off('link', this.#onLink);
    this.#pause.wake();
    await this.#mending;
  }

  readonly #onLink = ({ kind, link }: LinkEvent): void => {
    const isOurs = link.ifindex === this.#pair.out || link.ifindex === this.#pair.in;
    if (kind === 'removed') {
      if (isOurs) this.#mending ??= this.#mend();
      // Whatever had the name may have been in the way.
      else if (link.name === INTERNAL.out || link.name === INTERNAL.in) this.#pause.wake();
    } else if (isOurs && !link.up) this.#setUp(link);
  };

  #setUp({ ifindex, name }: Link): void {
    try {
      this.#netlink.writer.setUp(ifindex);
      this.#log.warn({ device: name }, 'the device of the user modules was set down; it is up again');
    } catch (error) {
      this.#log.debug(
        { device: name, error: String(error) },
        'the device of the user modules cannot be set up',
      );
    }
  }

  async #mend(): Promise<void> {
    this.#fail(`somebody removed ${INTERNAL.out}`);
    while (!this.#closed && this.#problem !== undefined) {
      try {
        this.#pair = await makePair(this.#netlink);
        if (this.#closed) break;
        this.#use?.(this.#pair);
        const { links } = this.#netlink;
        if (!links.has(this.#pair.out) || !links.has(this.#pair.in)) continue;
        this.#problem = undefined;
        this.#log.info({ device: INTERNAL.out }, 'the device of the user modules is there again');
      } catch (error) {
        this.#fail((error as Error).message);
        await this.#pause.sleep(PATIENCE);
      }
    }
    this.#mending = undefined;
  }

  #fail(why: string): void {
    const problem = `packets of user modules for several others, and of controllers, are lost: ${why}`;
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#log.warn({ device: INTERNAL.out }, problem);
  }
}

/** @throws NetlinkError: EEXIST when one of the names is another device's */
async function makePair(netlink: Netlink): Promise<DevicePair> {
  // Of an earlier run, which another thread is about to remove.
  await netlink.writer.removed;
  netlink.writer.createVeth({ name: INTERNAL.out, mtu: MTU }, { name: INTERNAL.in, mtu: MTU });
  const [out, incoming] = await Promise.all([linkOf(netlink, INTERNAL.out), linkOf(netlink, INTERNAL.in)]);
  try {
    for (const { ifindex } of [out, incoming]) {
      netlink.writer.withoutLinkLocal(ifindex);
      netlink.writer.setAlias(ifindex, ALIAS);
      netlink.writer.setUp(ifindex);
    }
  } catch (error) {
    netlink.writer.remove(out.ifindex);
    throw error;
  }
  return { out: out.ifindex, in: incoming.ifindex };
}

async function linkOf(netlink: Netlink, name: string): Promise<Link> {
  for (;;) {
    const link = netlink.linkByName(name);
    if (link !== undefined) return link;
    await once(netlink, 'link');
  }
}
