import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import koffi from 'koffi';

const CLONE_NEWNET = 0x40000000;
let entered = false;

/**
 * Moves this thread into a network namespace of its own, which goes with the process: test runs, sockets and child
 * processes of the thread then see only what the test made. Once a process; needs root.
 */
export function enterPrivateNetns(): void {
  if (entered) return;
  const unshare = koffi.load('libc.so.6').func('int unshare(int flags)');
  if (unshare(CLONE_NEWNET) !== 0) throw new Error('cannot make a network namespace: these tests need root');
  entered = true;
  // The kernel's own neighbour discovery would be heard among the test's packets.
  writeFileSync('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1');
}

/** iproute2, in the private namespace. */
export function ip(...args: string[]): string {
  enterPrivateNetns();
  return execFileSync('ip', args, { encoding: 'utf8' });
}

/** The two ends of a veth pair, by name and index. */
export interface VethPair {
  name: string;
  ifindex: number;
  peer: string;
  peerIfindex: number;
}

let pairs = 0;

/** Makes a veth pair with new names, both ends up, and the kernel done with it: what is sent before is lost. */
export function vethPair(): VethPair {
  pairs++;
  const [name, peer] = [`host${pairs}`, `peer${pairs}`];
  ip('link', 'add', name, 'type', 'veth', 'peer', 'name', peer);
  for (const device of [name, peer]) ip('link', 'set', 'dev', device, 'up');
  return { name, peer, ifindex: whenUp(name), peerIfindex: whenUp(peer) };
}

/** The ifindex, once it is up. The kernel may take a moment, by a work queue of its own. */
function whenUp(name: string): number {
  for (const deadline = Date.now() + 10_000; ; ) {
    const [link] = JSON.parse(ip('-j', 'link', 'show', 'dev', name)) as {
      ifindex: number;
      operstate: string;
    }[];
    if (link!.operstate === 'UP') return link!.ifindex;
    if (Date.now() > deadline) throw new Error(`${name} is ${link!.operstate}`);
  }
}
