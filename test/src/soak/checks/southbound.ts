import type { Lab } from '../../lab/index.js';
import { isBound, type Model, WIRE } from '../model.js';
import { rows } from './rows.js';

/** What the databases say of chassis and bindings, and the model does not: a line each. */
export async function southboundFaults(lab: Lab, model: Model): Promise<string[]> {
  const sbctl = lab.central.sbctl.bind(lab.central);
  const nbctl = lab.central.nbctl.bind(lab.central);
  const [chassis, encaps, bindings, ports] = await Promise.all([
    rows(sbctl, 'Chassis', '_uuid', 'name'),
    rows(sbctl, 'Encap', 'chassis_name'),
    rows(sbctl, 'Port_Binding', 'logical_port', 'chassis', 'additional_chassis', 'up'),
    rows(nbctl, 'Logical_Switch_Port', 'name', 'up'),
  ]);
  const names = chassis.map(({ name }) => name).sort();
  const wanted = Array.from({ length: model.hypervisors }, (_, i) => `hv${i + 1}`);
  const found: string[] = [];
  const same = (what: string, is: readonly unknown[], should: readonly unknown[]) => {
    if (is.join() !== should.join())
      found.push(`${what}: ${is.join(' ')}, and should be ${should.join(' ')}`);
  };
  same('Chassis', names, wanted);
  same('Encap', encaps.map(({ chassis_name }) => chassis_name).sort(), wanted);
  const present = model.machines.filter(({ network }) => network !== undefined);
  const sorted = [...present.map(({ name }) => name), ...(model.wired ? [WIRE] : [])].sort();
  same('Port_Binding', bindings.map(({ logical_port }) => logical_port).sort(), sorted);
  same('Logical_Switch_Port', ports.map(({ name }) => name).sort(), sorted);
  const nameOf = new Map(chassis.map(({ _uuid, name }) => [_uuid, name]));
  for (const machine of present) {
    const { name, hypervisor } = machine;
    const bound = isBound(machine);
    const binding = bindings.find(({ logical_port }) => logical_port === name);
    const port = ports.find((one) => one.name === name);
    const at = binding?.chassis ? (nameOf.get(binding.chassis) ?? 'a chassis that is not') : 'none';
    const should = bound ? `hv${hypervisor}` : 'none';
    if (at !== should) found.push(`Port_Binding ${name}: chassis is ${at}, and should be ${should}`);
    if (binding?.additional_chassis) found.push(`Port_Binding ${name} has an additional chassis`);
    if ((binding?.up === 'true') !== bound) found.push(`Port_Binding ${name}: up is ${binding?.up}`);
    if ((port?.up === 'true') !== bound) found.push(`Logical_Switch_Port ${name}: up is ${port?.up}`);
  }
  return found;
}

/** ovn-nbctl arguments that wait until Northbound says of each port whether it is up. */
export function upArguments(model: Model): string[] {
  const present = model.machines.filter(({ network }) => network !== undefined);
  return present.flatMap((machine) => [
    ...['--', 'wait-until', 'Logical_Switch_Port', machine.name],
    isBound(machine) ? 'up=true' : 'up!=true',
  ]);
}
