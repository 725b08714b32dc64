import { until } from '../../lab/index.js';
import { type PluggedPort, plugPort, reach } from '../plug.js';
import { instancePort, networkWithSubnet, type Site, seen } from './site.js';

/** What a user changes of a port that runs: its state, its address, its MAC. */
export async function changes(site: Site): Promise<void> {
  const { lab, api, narrator } = site;
  const network = await networkWithSubnet(site, 'changes', '192.168.20.0/24');
  const plugged: PluggedPort[] = [];
  for (const number of [1, 2]) {
    const port = await instancePort(site, network, `changed${number}`, `hv${number}`);
    plugged.push(await plugPort(lab, lab.hv(number), `changed${number}`, port, 24));
  }
  const [still, changed] = plugged as [PluggedPort, PluggedPort];
  await reach(api, 'ACTIVE', plugged);
  const answered = (to: string, waitSeconds = 1) => still.machine.reaches(to, { count: 2, waitSeconds });

  await narrator.step('admin_state_up=false of a port, then true', 'no answers; answers', async () => {
    await api.update('ports', changed.port.id, { admin_state_up: false });
    await lab.sync();
    const off = await answered(changed.address, 0.5);
    await api.update('ports', changed.port.id, { admin_state_up: true });
    await lab.sync();
    await still.machine.flushNeighbours();
    return seen(!off && (await answered(changed.address)), off ? 'answers while it is down' : 'as expected');
  });
  await narrator.step('Another fixed IP for a port that runs', 'the machine answers at it', async () => {
    const [{ subnet_id }] = changed.port.fixed_ips as [{ subnet_id: string }];
    const fixed_ips = [{ subnet_id, ip_address: '192.168.20.222' }];
    await api.update('ports', changed.port.id, { fixed_ips });
    await lab.sync();
    await changed.machine.setAddresses('192.168.20.222/24');
    const old = await answered(changed.address, 0.5);
    return seen(
      !old && (await answered('192.168.20.222')),
      old ? 'the old one answers' : '192.168.20.222 answers',
    );
  });
  await narrator.step('Another MAC: unbound, changed, bound again', 'ACTIVE, and it answers', async () => {
    const mac = 'fa:16:3e:00:aa:01';
    const { id } = changed.port;
    await lab.hv(2).unplug(changed.machine.tap);
    await api.update('ports', id, { 'binding:host_id': '', device_id: '', device_owner: '' });
    await api.update('ports', id, { mac_address: mac });
    await api.update('ports', id, {
      'binding:host_id': 'hv2',
      device_id: 'changed2',
      device_owner: 'compute:nova',
    });
    await changed.machine.netns.ip(`link set eth0 address ${mac}`);
    await lab.hv(2).plug(changed.machine.tap, id);
    await reach(api, 'ACTIVE', [changed]);
    await still.machine.flushNeighbours();
    return seen(await until('it answers', () => answered('192.168.20.222')), `${mac} answers`);
  });
  await narrator.step('network MTU 1400', 'ports stay ACTIVE and answer', async () => {
    await api.update('networks', network.id, { mtu: 1400 });
    await lab.sync();
    const active = await reach(api, 'ACTIVE', plugged);
    return seen(active.ok && (await answered('192.168.20.222')), active.seen);
  });
  for (const { port } of plugged) await api.remove('ports', port.id);
}
