import { readFileSync } from 'node:fs';
import { Lab, type LabOptions, StockHypervisor } from '../../lab/index.js';
import type { Cleanup } from '../cleanup.js';
import type { Cloud, CloudProcess } from './cloud.js';
import { HYPERVISORS } from './ports.js';

/** Two clouds, each with an OVN central of its own: one with stock hypervisors, one with ours. */
export async function startClouds(cleanup: Cleanup): Promise<Cloud[]> {
  return [
    await startCloud('stock OVN', { hypervisors: 0, stock: HYPERVISORS }, cleanup),
    await startCloud('ours', { hypervisors: HYPERVISORS }, cleanup),
  ];
}

export async function startCloud(name: string, options: LabOptions, cleanup: Cleanup): Promise<Cloud> {
  const lab = await Lab.create(options);
  cleanup.add(`lab ${lab.name}`, () => lab.destroy());
  return {
    name,
    nbctl: (...args) => lab.nbctl(...args),
    plug: (hypervisor, taps) => plug(lab, hypervisor, taps),
    processes: () => ({
      central: processes([lab.coordinator.process?.pid]),
      hypervisors: lab.hypervisors.map((hv) =>
        hv instanceof StockHypervisor ? processes(hv.pids) : processes([hv.agent?.pid]),
      ),
    }),
  };
}

async function plug(
  lab: Lab,
  hypervisor: number,
  taps: readonly { tap: string; ifaceId: string }[],
): Promise<void> {
  const hv = lab.hv(hypervisor + 1);
  await hv.netns.ip(...taps.flatMap(({ tap }) => [`tuntap add dev ${tap} mode tap`, `link set ${tap} up`]));
  const commands = taps.flatMap(({ tap, ifaceId }) => [
    ...['--', 'add-port', 'br-int', tap],
    ...['--', 'set', 'Interface', tap, `external_ids:iface-id=${ifaceId}`],
  ]);
  await hv.vsctl('--timeout=120', ...commands.slice(1));
}

function processes(pids: readonly (number | undefined)[]): CloudProcess[] {
  return pids.flatMap((pid) => (pid === undefined ? [] : [{ name: programOf(pid), pid }]));
}

/** Our programs are node's for the kernel: take the script's name. */
function programOf(pid: number): string {
  const [program = '', script = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const name = (path: string) => path.slice(path.lastIndexOf('/') + 1).replace(/\.js$/, '');
  return name(program) === 'node' ? name(script) : name(program);
}
