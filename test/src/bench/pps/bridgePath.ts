import { bridgePort, makeBridge } from './bridge.js';
import { alice, bob, type ForwardingPath, pathTo } from './path.js';
import type { Site } from './site.js';

/** Two machines on one Linux bridge. */
export async function bridgePath(site: Site): Promise<ForwardingPath> {
  const hypervisor = await site.netns('bridge-hv');
  await makeBridge(hypervisor);
  const a = await site.machine('bridge-a', alice, hypervisor, 'tapa');
  const b = await site.machine('bridge-b', bob, hypervisor, 'tapb');
  await bridgePort(hypervisor, 'tapa', alice.mac);
  await bridgePort(hypervisor, 'tapb', bob.mac);
  return pathTo('Linux bridge', a, b, bob);
}
