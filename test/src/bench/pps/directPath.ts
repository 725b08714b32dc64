import { udpFrame } from '../frame.js';
import { acceptLiveFrames, alice, bob, type ForwardingPath } from './path.js';
import type { Site } from './site.js';

/** Two machines on one veth pair: nothing can be faster. */
export async function directPath(site: Site): Promise<ForwardingPath> {
  const [a, b] = [await site.netns('direct-a'), await site.netns('direct-b')];
  await a.ip(`link add eth0 type veth peer name eth0 netns ${b.name}`, 'link set eth0 up');
  await b.ip('link set eth0 up');
  await acceptLiveFrames(b, 'eth0');
  return { name: 'direct veth pair', from: a, to: b, frame: udpFrame(alice, bob), pids: [] };
}
