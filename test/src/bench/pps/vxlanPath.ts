import { type Netns, Underlay, underlayMtu } from '../../lab/index.js';
import { bridgePort, makeBridge, withoutBridgeNetfilter } from './bridge.js';
import { alice, eve, type ForwardingPath, pathTo } from './path.js';
import type { Site } from './site.js';

const PORT = 4789; // RFC 7348

/** Two machines at two hypervisors, each with a Linux bridge and a vxlan device, over the same underlay as the labs'. */
export async function vxlanPath(site: Site): Promise<ForwardingPath> {
  const underlay = await Underlay.create(`${site.name}-underlay`, site.registry);
  await withoutBridgeNetfilter(underlay.netns);
  const [hv1, hv2] = [await site.netns('vxlan-hv1'), await site.netns('vxlan-hv2')];
  await tunnelEndpoint(underlay, 'hv1', hv1, '172.31.0.1');
  await tunnelEndpoint(underlay, 'hv2', hv2, '172.31.0.2');
  const a = await site.machine('vxlan-a', alice, hv1, 'tapa');
  const e = await site.machine('vxlan-e', eve, hv2, 'tape');
  await bridgePort(hv1, 'tapa', alice.mac);
  await bridgePort(hv2, 'tape', eve.mac);
  await remote(hv1, eve.mac, '172.31.0.2');
  await remote(hv2, alice.mac, '172.31.0.1');
  return pathTo('Linux bridge + vxlan', a, e, eve);
}

async function tunnelEndpoint(underlay: Underlay, name: string, netns: Netns, ip: string): Promise<void> {
  await underlay.connect(name, netns);
  await netns.ip(`addr add ${ip}/24 dev uplink`, `link set uplink mtu ${underlayMtu} up`);
  await makeBridge(netns);
  await netns.ip(
    `link add vxlan0 type vxlan id 1 local ${ip} dstport ${PORT} dev uplink nolearning`,
    'link set vxlan0 up',
  );
}

/** `mac` is behind the tunnel to `ip`. */
async function remote(netns: Netns, mac: string, ip: string): Promise<void> {
  await bridgePort(netns, 'vxlan0', mac);
  await netns.exec('bridge', 'fdb', 'add', mac, 'dev', 'vxlan0', 'dst', ip, 'self', 'static');
}
