import type { Narrator } from '../demo/narrator.js';
import { Capture, type Lab, type Netns, until } from '../lab/index.js';
import { type NeutronApi, type Resource, stringOf } from './neutronApi.js';
import { type PluggedPort, plugPort, reach } from './plug.js';
import { agents } from './scenes/agents.js';
import { changes } from './scenes/changes.js';
import { churn } from './scenes/churn.js';
import { metadata } from './scenes/metadata.js';
import { migration } from './scenes/migration.js';
import { policies } from './scenes/policies.js';
import { type Site, seen } from './scenes/site.js';
import { trunk } from './scenes/trunk.js';

/** VLAN of the provider network, in the range of neutronConf.ts. */
const vlan = 1042;

/** Scenes by name, in the order they are played after the networks. */
export const scenes: Readonly<Record<string, (site: Site) => Promise<void>>> = {
  changes,
  trunk,
  migration,
  metadata,
  churn,
  policies,
  agents,
};

/** Those that ask daemons of ours. */
export const oursOnly: readonly string[] = ['policies', 'agents'];

/** What an OpenStack site does first, over two of our hypervisors. */
export class Scenario {
  constructor(
    private readonly lab: Lab,
    /** Namespace of the physical network. */
    private readonly wire: Netns,
    private readonly api: NeutronApi,
    private readonly narrator: Narrator,
    /** Names of `scenes`. */
    private readonly wanted: readonly string[],
  ) {}

  async run(): Promise<void> {
    await this.#agentsAlive();
    const tenant = await this.#network('tenant', {});
    if (tenant) await this.#connect('tenant', tenant);
    const provider = await this.#network('provider', {
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet1',
      'provider:segmentation_id': vlan,
    });
    if (provider) await this.#connect('provider', provider, vlan);
    const flat = await this.#network('flat', {
      'provider:network_type': 'flat',
      'provider:physical_network': 'physnet1',
    });
    if (flat) await this.#connect('flat', flat, 'untagged');
    const { lab, wire, api, narrator } = this;
    for (const name of this.wanted) {
      const play = scenes[name];
      if (!play) throw new Error(`there is no scene ${name}: ${Object.keys(scenes).join(', ')}`);
      const failed = (error: Error) =>
        narrator.step(`The scene "${name}" is set`, 'it is', () => Promise.reject(error));
      await play({ lab, wire, api, narrator }).catch(failed);
    }
    await this.#agentsAlive();
  }

  async #agentsAlive(): Promise<void> {
    await this.narrator.step('Neutron lists both hypervisors as agents', 'two, alive', async () => {
      const alive = async () => (await this.api.list('agents')).filter((agent) => agent.alive === true);
      const agents = await until('two agents are alive', async () => {
        const found = await alive();
        return found.length === 2 && found;
      });
      return seen(true, agents.map((a) => `${a.host} (${a.agent_type}) alive`).join(', '));
    });
  }

  async #network(name: string, columns: Record<string, unknown>): Promise<Resource | undefined> {
    let network: Resource | undefined;
    await this.narrator.step(`A network "${name}" with a subnet`, 'both are made', async () => {
      network = await this.api.create('networks', { name, ...columns });
      const cidr = `192.168.${{ tenant: 7, provider: 8 }[name] ?? 9}.0/24`;
      const subnet = { network_id: network.id, ip_version: 4, cidr, gateway_ip: null, enable_dhcp: false };
      await this.api.create('subnets', subnet);
      return seen(
        true,
        `${network['provider:network_type']} ${network['provider:segmentation_id'] ?? ''}, ${cidr}`,
      );
    });
    return network;
  }

  /**
   * A port pair without security groups on two hypervisors: ACTIVE when plugged, they ping (over the wire when the network is
   * one of its VLANs), DOWN when unplugged.
   */
  async #connect(name: string, network: Resource, onWire?: number | 'untagged'): Promise<void> {
    const plugged: PluggedPort[] = [];
    const { narrator, api } = this;
    const hosts = [1, 2];
    await narrator.step(`Two ports of "${name}", bound to hv1 and hv2`, 'vif_type ovs', async () => {
      for (const number of hosts) {
        const port = await api.create('ports', {
          network_id: network.id,
          name: `${name}${number}`,
          port_security_enabled: false,
          'binding:host_id': this.lab.hv(number).name,
          device_owner: 'compute:nova',
          device_id: `${name}${number}`,
        });
        if (port['binding:vif_type'] !== 'ovs')
          return seen(false, `port on ${this.lab.hv(number).name}: vif_type ${port['binding:vif_type']}`);
        plugged.push(await plugPort(this.lab, this.lab.hv(number), `${name}${number}`, port, 24));
      }
      return seen(true, plugged.map(({ port, address }) => `${port.name} ${address}`).join(', '));
    });
    const [first, second] = plugged;
    if (!first || !second) return;
    await narrator.step('Their taps are plugged: Neutron calls them ACTIVE', 'ACTIVE, ACTIVE', () =>
      reach(this.api, 'ACTIVE', plugged),
    );
    await narrator.step('They ping each other across the hypervisors', 'all answered', async () => {
      const there = await first.machine.ping(second.address);
      const back = await second.machine.ping(first.address);
      const text = [there, back].map((p) => `${p.received} of ${p.sent} answered`).join('; ');
      return seen(
        [there, back].every((p) => p.received === p.sent),
        text,
      );
    });
    if (onWire !== undefined)
      await narrator.step(
        'They do so over the physical network',
        onWire === 'untagged' ? 'frames without a tag on its wire' : `VLAN ${onWire} on its wire`,
        async () => {
          const filter = onWire === 'untagged' ? 'icmp' : `vlan ${onWire} and icmp`;
          const capture = await Capture.start(this.wire, filter, { device: 'nic0' });
          await first.machine.ping(second.address);
          const line = await capture.until(/echo reply/);
          await capture.stop();
          return seen(true, line);
        },
      );
    await narrator.step(`The tap of ${stringOf(second.port, 'name')} is unplugged`, 'DOWN', async () => {
      await this.lab.hv(hosts[1]!).unplug(second.machine.tap);
      return reach(this.api, 'DOWN', [second]);
    });
    await narrator.step('The ports are deleted', 'no logical switch port is left of them', async () => {
      for (const { port } of plugged) await api.remove('ports', port.id);
      const left = await this.lab.nbctl('--bare', '--columns=name', 'list', 'Logical_Switch_Port');
      return seen(!plugged.some(({ port }) => left.includes(port.id)), 'none is left');
    });
  }
}
