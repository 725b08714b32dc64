import type { Lab } from '../../lab/index.js';
import { isBound, type Model } from '../model.js';
import { rows } from './rows.js';

/** What the hypervisors' own databases say of machines' interfaces, and the model does not: a line each. */
export async function localFaults(lab: Lab, model: Model): Promise<string[]> {
  const all = lab.hypervisors.map(async (hv, i) => {
    const interfaces = await rows(hv.vsctl.bind(hv), 'Interface', 'name', 'external_ids', 'error');
    return model.machines.flatMap((machine) => {
      const { name, hypervisor, plugged } = machine;
      const row = interfaces.find((one) => one.name === lab.vm(name).tap);
      const what = `${hv.name}, Interface of ${name}`;
      if ((row !== undefined) !== (plugged && hypervisor === i + 1))
        return [`${what}: it is ${row ? '' : 'not '}there`];
      if (row === undefined) return [];
      const installed = /\bovn-installed=true\b/.test(row.external_ids!);
      return [
        ...(installed === isBound(machine) ? [] : [`${what}: external_ids is ${row.external_ids}`]),
        ...(row.error === '' ? [] : [`${what}: error is ${row.error}`]),
      ];
    });
  });
  return (await Promise.all(all)).flat();
}
