import type { Seen } from '../demo/narrator.js';
import { type Hypervisor, type Lab, type Machine, until } from '../lab/index.js';
import { type NeutronApi, type Resource, stringOf } from './neutronApi.js';

/** A port of Neutron's with the machine that Nova would have started for it. */
export interface PluggedPort {
  port: Resource;
  address: string;
  machine: Machine;
}

/** Plugs a port as Nova and os-vif do: a tap on the integration bridge whose iface-id is the port's id. */
export async function plugPort(
  lab: Lab,
  hypervisor: Hypervisor,
  name: string,
  port: Resource,
  prefixLength: number,
  o: { tap?: string; plug?: boolean } = {},
): Promise<PluggedPort> {
  const address = addressOf(port);
  const spec = {
    name,
    port: port.id,
    mac: stringOf(port, 'mac_address'),
    addresses: [`${address}/${prefixLength}`],
    tap: o.tap ?? `tap${port.id.slice(0, 11)}`,
  };
  const machine = await lab.addMachine(hypervisor, spec, { plug: o.plug ?? true });
  return { port, address, machine };
}

/** Port status as Neutron tells it now: ACTIVE, DOWN, … */
export async function statusOf(api: NeutronApi, port: Resource): Promise<string> {
  return stringOf(await api.get('ports', port.id), 'status');
}

/** Waits until Neutron says `status` of all of them. */
export async function reach(api: NeutronApi, status: string, plugged: readonly PluggedPort[]): Promise<Seen> {
  const reached = await until(`all ports are ${status}`, async () => {
    const found = await Promise.all(plugged.map(({ port }) => statusOf(api, port)));
    return found.every((one) => one === status) && found;
  });
  return { ok: true, seen: reached.join(', ') };
}

function addressOf(port: Resource): string {
  const [first] = port.fixed_ips as { ip_address: string }[];
  if (!first) throw new Error(`Neutron gave port ${port.id} no address`);
  return first.ip_address;
}
