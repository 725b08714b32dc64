import { type Cleanup, withCleanup } from '../cleanup.js';
import type { Cloud, CloudProcess } from '../cloud/cloud.js';
import { addPorts } from '../cloud/ports.js';
import { startClouds } from '../cloud/startClouds.js';
import type { Section } from '../report.js';
import { bpfMapBytes, type ProcessMemory, processMemory } from './processMemory.js';

const PORTS = 1000;

interface MeasuredProcess extends ProcessMemory {
  cloud: string;
  where: string;
  process: string;
  bpfMapBytes: number;
}

/** Resident memory at 1,000 ports, half of them at each hypervisor. */
export function benchMemory(parent: Cleanup, quick: boolean): Promise<Section> {
  return withCleanup(parent, async (cleanup) => {
    const clouds = await startClouds(cleanup);
    const ports = quick ? PORTS / 10 : PORTS;
    const found: MeasuredProcess[] = [];
    for (const cloud of clouds) {
      await addPorts(cloud, 0, ports);
      found.push(...(await memoryOf(cloud)));
    }
    const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
    return {
      name: 'memory',
      tables: [
        {
          title: `Resident memory at ${ports} ports on two hypervisors, MiB`,
          header: ['cloud', 'where', 'process', 'RSS', 'own', 'BPF maps'],
          rows: found.map((p) => [
            p.cloud,
            p.where,
            p.process,
            ...[p.residentBytes, p.anonymousBytes, p.bpfMapBytes].map(mib),
          ]),
        },
      ],
      targets: [],
      notes: [
        'BPF maps: kernel memory beside the RSS. The databases and northd are the same for both and not counted.',
      ],
      data: found,
    };
  });
}

async function memoryOf(cloud: Cloud): Promise<MeasuredProcess[]> {
  const { central, hypervisors } = cloud.processes();
  const measured = (where: string, processes: CloudProcess[]) =>
    Promise.all(
      processes.map(async ({ name, pid }) => ({
        cloud: cloud.name,
        where,
        process: name,
        ...(await processMemory(pid)),
        bpfMapBytes: await bpfMapBytes(pid),
      })),
    );
  const found = await measured('central', central);
  for (const [i, processes] of hypervisors.entries())
    found.push(...(await measured(`hypervisor ${i + 1}`, processes)));
  return found;
}
