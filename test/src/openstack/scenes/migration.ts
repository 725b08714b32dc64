import { until } from '../../lab/index.js';
import { stringOf } from '../neutronApi.js';
import { plugPort, reach } from '../plug.js';
import { instancePort, networkWithSubnet, type Site, seen } from './site.js';

/**
 * A live migration from hv1 to hv2 in Nova's order: `migrating_to` in the binding's profile, a second binding, the tap plugged at the
 * destination while the machine still runs at the source, the switch-over with QEMU's RARP, the binding activated, the source's deleted.
 */
export async function migration(site: Site): Promise<void> {
  const { lab, api, narrator } = site;
  const network = await networkWithSubnet(site, 'migration', '192.168.40.0/24');
  const port = await instancePort(site, network, 'moving', 'hv1');
  const peerPort = await instancePort(site, network, 'watching', 'hv2');
  const source = await plugPort(lab, lab.hv(1), 'moving', port, 24);
  const peer = await plugPort(lab, lab.hv(2), 'watching', peerPort, 24);
  await reach(api, 'ACTIVE', [source, peer]);
  const chassis = () =>
    lab.central.sbctl('--bare', '--columns=chassis', 'find', 'Port_Binding', `logical_port=${port.id}`);
  const nameOf = (uuid: string) =>
    lab.central.sbctl('--bare', '--columns=name', 'list', 'Chassis', uuid.trim());

  const destination = await plugPort(lab, lab.hv(2), 'moved', port, 24, { plug: false, tap: 'tapdest' });
  await destination.machine.netns.ip('link set eth0 down');
  const series = await peer.machine.pingSeries(source.machine);
  await narrator.step(
    'Live migration begins: bound at both hypervisors',
    'additional_chassis hv2; the machine answers at hv1 meanwhile',
    async () => {
      await api.update('ports', port.id, { 'binding:profile': { migrating_to: 'hv2' } });
      await api.action('POST', `ports/${port.id}/bindings`, {
        binding: { host: 'hv2', vnic_type: 'normal', profile: {} },
      });
      await lab.hv(2).plug(destination.machine.tap, port.id);
      const second = await until('hv2 is an additional chassis', async () => {
        const columns = ['--bare', '--columns=additional_chassis', 'find', 'Port_Binding'];
        const found = await lab.central.sbctl(...columns, `logical_port=${port.id}`);
        return found.trim() !== '' && found;
      });
      await lab.sync();
      const name = await nameOf(second);
      const answered = await peer.machine.reaches(source.address);
      return seen(
        name.trim() === 'hv2' && answered,
        `additional_chassis ${name.trim()}, answered ${answered}`,
      );
    },
  );
  await narrator.step(
    'The machine runs at hv2 and QEMU announces it',
    'it answers from hv2 before Neutron has done anything more',
    async () => {
      await source.machine.netns.ip('link set eth0 down');
      await destination.machine.netns.ip('link set eth0 up');
      await destination.machine.sendFrame(rarp(stringOf(port, 'mac_address')));
      const answered = await until('it answers from hv2', () => peer.machine.reaches(source.address));
      return seen(answered, 'answers');
    },
  );
  await narrator.step(
    'The binding at hv2 is activated, that at hv1 deleted',
    'ACTIVE, chassis hv2, no additional one',
    async () => {
      await api.action('PUT', `ports/${port.id}/bindings/hv2/activate`);
      await api.update('ports', port.id, { 'binding:profile': {} });
      await api.action('DELETE', `ports/${port.id}/bindings/hv1`);
      await lab.hv(1).unplug(source.machine.tap);
      await lab.sync();
      const status = await reach(api, 'ACTIVE', [source]);
      const name = await nameOf(await chassis());
      const lsp = await lab.nbctl('get', 'Logical_Switch_Port', port.id, 'options');
      const one = lsp.includes('requested-chassis=hv2') || lsp.includes('requested-chassis="hv2"');
      return seen(status.ok && name.trim() === 'hv2' && one, `${status.seen}, chassis ${name.trim()}`);
    },
  );
  await narrator.step('Nobody noticed', 'under 100 of the pings every 10 ms are lost', async () => {
    const { sent, received } = await series.stop();
    return seen(sent - received < 100, `${sent - received} of ${sent} lost`);
  });
  for (const one of [port, peerPort]) await api.remove('ports', one.id);
}

/** What QEMU sends when a machine goes on at its destination. */
function rarp(mac: string): Buffer {
  const address = mac.replaceAll(':', '');
  const body = `0001080006040003${address}00000000${address}00000000`;
  return Buffer.from(`ffffffffffff${address}8035${body}`.padEnd(120, '0'), 'hex');
}
