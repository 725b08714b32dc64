import { ip4, type NetworkOptions, port, spec } from '../e2e/support/network.js';
import { Coordinator, Lab, serving } from '../lab/index.js';
import { BadNetwork } from './badNetwork.js';
import { type ChurnPort, churnPort, plugChurn } from './changes.js';

export interface GroundOptions extends Omit<NetworkOptions, 'coordinators' | 'start'> {
  /** Between the agent of each hypervisor and the coordinators stands a proxy: `proxies`. */
  proxied?: boolean;
  /** Ports that come and go, half of them on each of the first two hypervisors. Default 6. */
  churn?: number;
  /** Further flags of the coordinators, once the databases are there. */
  prepare?: (lab: Lab) => Promise<readonly string[]>;
}

/** Where faults are tried: vm1 and vm2 on hv1, vm3 on hv2, in the switch sw0, beside them taps of ports that come and go. */
export interface Ground {
  lab: Lab;
  /** Their ports are not in Northbound yet. */
  churn: readonly ChurnPort[];
  /** By hypervisor, with `proxied`. */
  proxies: ReadonlyMap<string, BadNetwork>;
  /** Starts a coordinator more, which agents know, too, and waits until it has read the databases. */
  standby(): Promise<Coordinator>;
  close(): Promise<void>;
}

/** The port of which `applied` changes the address, on hv2. */
const APPLIED = { ...churnPort(99), name: 'applied', tap: 'applied' };

/** Builds it; everything is up. */
export async function ground(o: GroundOptions = {}): Promise<Ground> {
  const { machines = { 1: 1, 2: 1, 3: 2 }, proxied = false, prepare, churn: count = 6, ...rest } = o;
  const names = (hypervisor: string) => (proxied ? [`${hypervisor}-net`] : ['coordinator', 'standby']);
  const lab = await Lab.create({ ...rest, coordinators: names, start: false });
  const proxies = new Map<string, BadNetwork>();
  const close = async () => {
    for (const proxy of proxies.values()) await proxy.close();
    await lab.destroy();
  };
  try {
    const { address } = lab.coordinator;
    for (const { name } of proxied ? lab.hypervisors : [])
      proxies.set(name, await BadNetwork.start(lab.socket(`${name}-net`), address));
    const flags = (await prepare?.(lab)) ?? [];
    lab.coordinatorFlags = flags;
    const numbers = Object.keys(machines).map(Number);
    await Promise.all([lab.start(), lab.nbctl('ls-add', 'sw0', ...numbers.flatMap((n) => port('sw0', n)))]);
    for (const n of numbers) await lab.addMachine(lab.hv(machines[n]!), spec(n));
    const churn = Array.from({ length: count }, (_, i) => churnPort(i));
    await plugChurn(
      lab,
      1,
      churn.filter((_, i) => i % 2 === 0),
    );
    await plugChurn(lab, 2, [...churn.filter((_, i) => i % 2 === 1), APPLIED]);
    await lab.nbctl('lsp-add', 'sw0', APPLIED.name);
    await lab.portsUp(...numbers.map((n) => `vm${n}`), APPLIED.name);
    await lab.sync();
    for (const other of [2, 3]) await lab.vm('vm1').reaches(ip4(other));
    const standby = async () => {
      const { central, registry } = lab;
      const name = lab.coordinator.address === address ? 'standby' : 'coordinator';
      const made = new Coordinator({ central, registry, outlive: false, name });
      const process = made.spawn(...flags, '--metrics', lab.socket(`${name}-metrics`));
      for (const service of ['ovn-nb', 'ovn-sb'])
        await process.during((signal) => serving(made.address, { service, signal }));
      return made;
    };
    return { lab, churn, proxies, standby, close };
  } catch (error) {
    await close();
    throw error;
  }
}
