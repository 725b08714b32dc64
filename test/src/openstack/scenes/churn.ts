import { until } from '../../lab/index.js';
import { type PluggedPort, plugPort, reach } from '../plug.js';
import { instancePort, networkWithSubnet, type Site, seen } from './site.js';

const count = 12;

/** Instances that come and go, several at once. */
export async function churn(site: Site): Promise<void> {
  const { lab, api, narrator } = site;
  const network = await networkWithSubnet(site, 'churn', '192.168.60.0/24');
  await narrator.step(
    `${count} instances are started at once, and half of them deleted while the others come up`,
    'those that stay are ACTIVE and answer, nothing is left of the others',
    async () => {
      const plugged = await Promise.all(
        Array.from({ length: count }, async (_, index): Promise<PluggedPort> => {
          const host = lab.hv(1 + (index % 2));
          const port = await instancePort(site, network, `churn${index}`, host.name);
          const one = await plugPort(lab, host, `churn${index}`, port, 24);
          if (index >= count / 2) {
            // Half of them are deleted as Nova does, first the tap, the others port first.
            if (index % 3 === 0) await host.unplug(one.machine.tap);
            await api.remove('ports', port.id);
            if (index % 3 !== 0) await host.unplug(one.machine.tap);
          }
          return one;
        }),
      );
      const staying = plugged.slice(0, count / 2);
      const status = await reach(api, 'ACTIVE', staying);
      const [first, ...others] = staying;
      const answers = await Promise.all(others.map(({ address }) => first!.machine.reaches(address)));
      const bindings = await lab.central.sbctl('--bare', '--columns=logical_port', 'list', 'Port_Binding');
      const left = plugged.slice(count / 2).filter(({ port }) => bindings.includes(port.id));
      for (const { port, machine } of staying) {
        await api.remove('ports', port.id);
        await machine.detach();
      }
      const gone = await until('no port is left', async () => {
        const found = await lab.central.sbctl(
          '--bare',
          '--columns=logical_port',
          'find',
          'Port_Binding',
          'type=""',
        );
        return staying.every(({ port }) => !found.includes(port.id));
      });
      const reached = answers.filter(Boolean).length;
      return seen(
        status.ok && reached === others.length && left.length === 0 && gone,
        `${staying.length} ACTIVE, ${reached} answered, ${left.length} left over`,
      );
    },
  );
}
