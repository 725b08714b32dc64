/** Two tenants with the same IP addresses: nothing of one may ever be seen by the other. */
export type Tenant = 'a' | 'b';

/** What a port's column `addresses` says of its machine. */
export type Addresses = 'all' | 'mac' | 'unknown' | 'all and unknown' | 'another MAC';

/** What its `port_security` says: nothing, what the machine is, its MAC alone, an address it has not, a MAC it has not. */
export type Security = 'none' | 'all' | 'mac' | 'another IP' | 'another MAC';

/** A machine with its logical port: as somebody who knows all that was done would draw it. */
export interface MachineState {
  readonly name: string;
  readonly tenant: Tenant;
  /** Last byte of its MAC and IP addresses; unique in its tenant. */
  readonly number: number;
  /** Nothing concerns it: its streams may lose nothing. */
  readonly isProtected: boolean;
  /** Number of the hypervisor where it runs. */
  hypervisor: number;
  /** Is its tap in that hypervisor's local database? */
  plugged: boolean;
  /** The switch its logical port is in; undefined: there is no such port. */
  network?: string;
  addresses: Addresses;
  security: Security;
  enabled: boolean;
  /** The port has had the address `unknown`: Southbound FDB may know its MAC, so its addresses must not be another MAC's later. */
  learned: boolean;
}

const SETTINGS = { addresses: 'all', security: 'none', enabled: true, learned: false } as const;

/** What the network should be. Actions change it; nothing here knows how the network comes to be so. */
export class Model {
  readonly machines: MachineState[] = [];
  /** Whose each logical switch is. */
  readonly networks = new Map<string, Tenant>();
  /** The one that is on the physical network, by its port `wire`: what is for another hypervisor takes that way. */
  wired?: string;
  readonly hypervisors = 3;

  machine(name: string): MachineState {
    const machine = this.machines.find((one) => one.name === name);
    if (!machine) throw new Error(`there is no machine ${name}`);
    return machine;
  }

  /** Those that actions may concern. */
  get unprotected(): MachineState[] {
    return this.machines.filter(({ isProtected }) => !isProtected);
  }

  add(
    tenant: Tenant,
    number: number,
    hypervisor: number,
    network: string | undefined,
    isProtected = false,
  ): void {
    const name = `vm${(tenant === 'a' ? 0 : 10) + number}`;
    const place = { hypervisor, plugged: true, ...(network === undefined ? {} : { network }) };
    this.machines.push({ name, tenant, number, isProtected, ...place, ...SETTINGS });
  }

  /** Its row goes, or comes anew: with the settings of a new one. */
  resetPort(name: string, network: string | undefined): void {
    const machine = this.machine(name);
    Object.assign(machine, SETTINGS);
    if (network === undefined) delete machine.network;
    else machine.network = network;
  }
}

/** The localnet port's name. */
export const WIRE = 'wire';

/** What every soak begins with. */
export function initialModel(): Model {
  const model = new Model();
  for (const [name, tenant] of [
    ['a0', 'a'],
    ['a1', 'a'],
    ['b0', 'b'],
    ['b1', 'b'],
  ] as const)
    model.networks.set(name, tenant);
  model.add('a', 1, 1, 'a0', true);
  model.add('a', 2, 1, 'a0', true);
  model.add('a', 3, 2, 'a0', true);
  model.add('a', 4, 1, 'a0');
  model.add('a', 5, 3, 'a0');
  model.add('a', 6, 2, 'a1');
  model.add('b', 1, 1, 'b0');
  model.add('b', 2, 2, 'b0');
  model.add('b', 3, 3, 'b0');
  model.add('b', 4, 1, 'b1');
  return model;
}

/** Is its port bound to a hypervisor, and up? */
export const isBound = ({ network, plugged }: MachineState): boolean => network !== undefined && plugged;

const isOpen = (machine: MachineState): boolean => isBound(machine) && machine.enabled;

/** May it send, by its port security, ARP and IP packets of its own addresses? */
const maySend = ({ security }: MachineState): boolean =>
  security !== 'another IP' && security !== 'another MAC';

/** Does a broadcast (ARP with its own addresses) of one arrive at the other? Port security does not look at what a broadcast is for. */
export function hears(to: MachineState, from: MachineState): boolean {
  return from !== to && isOpen(from) && isOpen(to) && from.network === to.network && maySend(from);
}

/** Do unicast packets for its own addresses arrive at it? */
function isFound({ addresses, security }: MachineState): boolean {
  return addresses !== 'another MAC' && security !== 'another IP' && security !== 'another MAC';
}

/** Is a request of one answered by the other? */
export function reaches(from: MachineState, to: MachineState): boolean {
  return hears(to, from) && hears(from, to) && isFound(from) && isFound(to);
}
