import type { Netns } from '../../lab/index.js';
import type { Native } from '../native.js';
import { alice, bob, type ForwardingPath, pathTo } from './path.js';
import type { Site } from './site.js';

/** Two machines and a tc program that sends all of alice's packets to bob. */
export async function redirectPath(site: Site, native: Native): Promise<ForwardingPath> {
  const hypervisor = await site.netns('redirect-hv');
  const a = await site.machine('redirect-a', alice, hypervisor, 'tapa');
  const b = await site.machine('redirect-b', bob, hypervisor, 'tapb');
  const object = await native.redirectObject(await ifindexOf(hypervisor, 'tapb'));
  await hypervisor.exec('tc', 'qdisc', 'add', 'dev', 'tapa', 'clsact');
  const filter = ['bpf', 'direct-action', 'object-file', object, 'section', 'tc'];
  await hypervisor.exec('tc', 'filter', 'add', 'dev', 'tapa', 'ingress', ...filter);
  return pathTo('redirect, no switch', a, b, bob);
}

async function ifindexOf(netns: Netns, device: string): Promise<number> {
  const [link] = JSON.parse(await netns.exec('ip', '-json', 'link', 'show', device)) as { ifindex: number }[];
  return link!.ifindex;
}
