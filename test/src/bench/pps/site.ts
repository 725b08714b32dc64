import { Machine, Netns, Registry } from '../../lab/index.js';
import type { Cleanup } from '../cleanup.js';
import type { Endpoint } from '../frame.js';
import { acceptLiveFrames } from './path.js';

/** Namespaces of the paths that need no lab; what a crash leaves of them is removed by the next lab or benchmark. */
export class Site {
  private constructor(
    readonly name: string,
    readonly registry: Registry,
  ) {}

  static async create(cleanup: Cleanup): Promise<Site> {
    await Registry.sweep();
    const name = `iovb${process.pid}`;
    const registry = Registry.create(name);
    cleanup.add(`namespaces of ${name}`, () => registry.clean());
    return new Site(name, registry);
  }

  async netns(label: string): Promise<Netns> {
    const netns = await Netns.create(`${this.name}-${label}`, this.registry);
    await netns.sysctl({ 'net.ipv6.conf.default.disable_ipv6': 1 });
    return netns;
  }

  /** A machine whose tap at the hypervisor takes generated frames. */
  async machine(label: string, who: Endpoint, hypervisor: Netns, tap: string): Promise<Machine> {
    const spec = { name: label, mac: who.mac, addresses: [`${who.ip}/24`], tap };
    const machine = await Machine.create(this.name, hypervisor, spec, this.registry);
    await acceptLiveFrames(hypervisor, tap);
    return machine;
  }
}
