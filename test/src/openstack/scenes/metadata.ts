import { Machine } from '../../lab/index.js';
import { stringOf } from '../neutronApi.js';
import { type PluggedPort, plugPort, reach } from '../plug.js';
import { instancePort, networkWithSubnet, type Site, seen } from './site.js';

/** The metadata port, a localport: the same address at every hypervisor, each for its own machines. */
export async function metadata(site: Site): Promise<void> {
  const { lab, api, narrator } = site;
  const network = await networkWithSubnet(site, 'metadata', '192.168.50.0/24');
  const { id: localport, ...columns } = await api.create('ports', {
    network_id: network.id,
    name: 'metadata',
    device_owner: 'network:distributed',
    device_id: `ovnmeta-${network.id}`,
    port_security_enabled: false,
  });
  const [{ ip_address: address }] = columns.fixed_ips as [{ ip_address: string }];
  const plugged: PluggedPort[] = [];
  for (const number of [1, 2]) {
    const port = await instancePort(site, network, `asks${number}`, `hv${number}`);
    plugged.push(await plugPort(lab, lab.hv(number), `asks${number}`, port, 24));
    // What neutron-ovn-metadata-agent makes: a namespace, a pair of interfaces, the metadata address beside the port's own.
    const agent = await Machine.create(
      lab.name,
      lab.hv(number).netns,
      {
        name: `ovnmeta${number}`,
        port: localport,
        mac: stringOf({ id: localport, ...columns }, 'mac_address'),
        addresses: [`${address}/24`, '169.254.169.254/32'],
        tap: `tap${localport.slice(0, 10)}0`,
      },
      lab.registry,
    );
    lab.machines.set(agent.name, agent);
    await lab.hv(number).plug(agent.tap, localport);
  }
  await reach(api, 'ACTIVE', plugged);
  await narrator.step(
    'The metadata port is plugged at both hypervisors',
    'a localport; each answers its own machines',
    async () => {
      const type = (await lab.nbctl('get', 'Logical_Switch_Port', localport, 'type')).trim();
      await lab.sync();
      const results: string[] = [];
      for (const { machine } of plugged) {
        await machine.netns.ip(`route add 169.254.169.254/32 via ${address} dev eth0`);
        const both = [await machine.ping(address), await machine.ping('169.254.169.254')];
        results.push(both.map(({ sent, received }) => `${received} of ${sent}`).join(', '));
      }
      return seen(
        type === 'localport' && results.every((one) => one === '3 of 3, 3 of 3'),
        `${type}: ${results.join('; ')}`,
      );
    },
  );
  await narrator.step('That of hv2 is unplugged', 'hv1’s still answers, nobody answers at hv2', async () => {
    await lab.hv(2).unplug(`tap${localport.slice(0, 10)}0`);
    await lab.sync();
    const [one, two] = await Promise.all(
      plugged.map(({ machine }) => machine.ping(address, { count: 2, waitSeconds: 0.5 })),
    );
    return seen(one!.received === 2 && two!.received === 0, `${one!.received} and ${two!.received} answers`);
  });
  for (const { port } of plugged) await api.remove('ports', port.id);
  await api.remove('ports', localport);
}
