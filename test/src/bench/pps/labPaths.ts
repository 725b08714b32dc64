import { Lab, type LabOptions, StockHypervisor } from '../../lab/index.js';
import type { Cleanup } from '../cleanup.js';
import type { Endpoint } from '../frame.js';
import { withoutBridgeNetfilter } from './bridge.js';
import { acceptLiveFrames, alice, bob, eve, type ForwardingPath, pathTo } from './path.js';

/** Stock OVN on two hypervisors, userspace datapath: from alice to bob beside her and to eve at the other one. */
export function stockPaths(cleanup: Cleanup): Promise<ForwardingPath[]> {
  return labPaths(cleanup, 'stock OVN, userspace datapath', { hypervisors: 0, stock: 2 });
}

/** The same through coordinator, agents and IOModules. */
export function ourPaths(cleanup: Cleanup): Promise<ForwardingPath[]> {
  return labPaths(cleanup, 'IOVisor-OVN', { hypervisors: 2 });
}

async function labPaths(cleanup: Cleanup, name: string, options: LabOptions): Promise<ForwardingPath[]> {
  const lab = await Lab.create(options);
  cleanup.add(`lab ${lab.name}`, () => lab.destroy());
  await withoutBridgeNetfilter(lab.underlay.netns);
  const ports = { alice, bob, eve };
  const commands = Object.entries(ports).flatMap(([port, { mac, ip }]) => [
    ...['--', 'lsp-add', 'bench', port, '--', 'lsp-set-addresses', port, `${mac} ${ip}`],
    ...['--', 'lsp-set-port-security', port, `${mac} ${ip}`],
  ]);
  await lab.nbctl('ls-add', 'bench', ...commands);
  const plug = async (number: number, port: string, who: Endpoint) => {
    const hypervisor = lab.hv(number);
    const tap = `tap-${port}`;
    const spec = { name: port, mac: who.mac, addresses: [`${who.ip}/24`], tap };
    const machine = await lab.addMachine(hypervisor, spec, { plug: false });
    // Before the switch opens the device: it would not see the change.
    await acceptLiveFrames(hypervisor.netns, tap);
    await hypervisor.plug(tap, port);
    return machine;
  };
  const from = await plug(1, 'alice', alice);
  const local = await plug(1, 'bob', bob);
  const remote = await plug(2, 'eve', eve);
  await lab.portsUp('alice', 'bob', 'eve');
  await lab.sync();
  const pids = lab.hypervisors.flatMap((hv) => (hv instanceof StockHypervisor ? hv.pids : []));
  return [pathTo(name, from, local, bob, pids), pathTo(name, from, remote, eve, pids)];
}
