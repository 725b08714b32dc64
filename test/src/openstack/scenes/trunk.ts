import { Netns, until } from '../../lab/index.js';
import { ping } from '../../lab/ping.js';
import { addVlan } from '../../lab/vlans.js';
import { stringOf } from '../neutronApi.js';
import { plugPort, reach, statusOf } from '../plug.js';
import { instancePort, networkWithSubnet, type Site, seen } from './site.js';

const vlan = 100;

/** A trunk: an instance with a tagged port in a second network. */
export async function trunk(site: Site): Promise<void> {
  const { lab, api, narrator } = site;
  const outer = await networkWithSubnet(site, 'trunk', '192.168.30.0/24');
  const inner = await networkWithSubnet(site, 'trunked', '192.168.31.0/24');
  const parentPort = await instancePort(site, outer, 'parent', 'hv1');
  const peerPort = await instancePort(site, inner, 'peer', 'hv2');
  const subport = await api.create('ports', {
    network_id: inner.id,
    name: 'subport',
    port_security_enabled: false,
  });
  const parent = await plugPort(lab, lab.hv(1), 'parent', parentPort, 24);
  const peer = await plugPort(lab, lab.hv(2), 'peer', peerPort, 24);
  const [{ ip_address }] = subport.fixed_ips as [{ ip_address: string }];

  await narrator.step(
    `A trunk with a subport (VLAN ${vlan}) in another network`,
    'both ports and the trunk are ACTIVE',
    async () => {
      const made = await api.create('trunks', {
        port_id: parentPort.id,
        sub_ports: [{ port_id: subport.id, segmentation_type: 'vlan', segmentation_id: vlan }],
      });
      await reach(api, 'ACTIVE', [parent, peer]);
      const active = async () => (await statusOf(api, subport)) === 'ACTIVE';
      await until('the subport is ACTIVE', active);
      const { status } = await api.get('trunks', made.id);
      return seen(status === 'ACTIVE', `trunk ${String(status)}`);
    },
  );
  await narrator.step('The subport and a machine of its network ping', 'all answered', async () => {
    const inside = await Netns.create(`${lab.name}-inside`, lab.registry);
    await addVlan(parent.machine.netns, vlan, inside, lab.registry.dir);
    await inside.ip(
      `link set eth0 address ${stringOf(subport, 'mac_address')} up`,
      `addr add ${ip_address}/24 dev eth0`,
    );
    const there = await ping(inside, peer.address);
    const back = await peer.machine.ping(ip_address);
    return seen(
      there.received === there.sent && back.received === back.sent,
      `${there.received} and ${back.received} answered`,
    );
  });
  await narrator.step('The subport is taken out of the trunk', 'DOWN, no answers', async () => {
    const [made] = await api.list('trunks');
    await api.action('PUT', `trunks/${made!.id}/remove_subports`, { sub_ports: [{ port_id: subport.id }] });
    await until('the subport is DOWN', async () => (await statusOf(api, subport)) === 'DOWN');
    await lab.sync();
    const { received } = await peer.machine.ping(ip_address, { count: 2, waitSeconds: 0.5 });
    await api.remove('trunks', made!.id);
    return seen(received === 0, `DOWN, ${received} answered`);
  });
  for (const port of [parentPort, peerPort, subport]) await api.remove('ports', port.id);
}
