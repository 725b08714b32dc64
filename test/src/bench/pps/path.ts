import { command, type Machine, type Netns } from '../../lab/index.js';
import { type Endpoint, udpFrame } from '../frame.js';

/** A way for packets from one machine to another, built and ready. */
export interface ForwardingPath {
  name: string;
  /** Where frames are sent and where they must arrive: a device "eth0" each. `netns` is a path for setns(2). */
  from: Netns;
  to: Netns;
  /** A 64-byte frame that this path forwards. */
  frame: Buffer;
  /** Processes that forward, when it is not the kernel alone. */
  pids: readonly number[];
}

/** The machines of every path: eve is at the other hypervisor. */
export const alice: Endpoint = { mac: '02:00:00:00:00:01', ip: '10.0.0.1' };
export const bob: Endpoint = { mac: '02:00:00:00:00:02', ip: '10.0.0.2' };
export const eve: Endpoint = { mac: '02:00:00:00:00:03', ip: '10.0.0.3' };

/** A path from alice to another machine. */
export function pathTo(
  name: string,
  from: Machine,
  to: Machine,
  who: Endpoint,
  pids: readonly number[] = [],
): ForwardingPath {
  return { name, from: from.netns, to: to.netns, frame: udpFrame(alice, who), pids };
}

/** A veth takes XDP frames from its peer only while NAPI runs on it, which GRO switches on. */
export async function acceptLiveFrames(netns: Netns, device: string): Promise<void> {
  await command([...netns.prefix, 'ethtool', '-K', device, 'gro', 'on']);
}
