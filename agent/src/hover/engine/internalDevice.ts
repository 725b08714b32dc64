import { once } from 'node:events';
import type { Link, Netlink } from '../../netlink/index.js';

/** Names of the agent's own veth pair: what is sent to `out` comes in at `in`. Not for anybody else. */
export const INTERNAL = { out: 'iovh0', in: 'iovh1' } as const;
/** As long as a packet can be, with segments still to be cut. */
const MTU = 65535;

export interface InternalDevice {
  readonly out: number;
  readonly in: number;
}

/** Makes the pair. A packet can be in one module at a time: its copies for other modules, and the agent's packets, start here. */
export async function makeInternalDevice(netlink: Netlink): Promise<InternalDevice> {
  // Of an earlier run, which another thread is about to remove.
  await netlink.writer.removed;
  netlink.writer.createVeth({ name: INTERNAL.out, mtu: MTU }, { name: INTERNAL.in, mtu: MTU });
  const [out, incoming] = await Promise.all([linkOf(netlink, INTERNAL.out), linkOf(netlink, INTERNAL.in)]);
  for (const { ifindex } of [out, incoming]) {
    netlink.writer.withoutLinkLocal(ifindex);
    netlink.writer.setAlias(ifindex, 'IOVisor user modules');
    netlink.writer.setUp(ifindex);
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
