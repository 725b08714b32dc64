import type { ModuleReport } from '@iovisor-ovn/proto';
import type { Datapath } from '../datapath/index.js';

/** The loaded IOModules, a row for each of their programs. */
export function moduleReports(datapath: Datapath): ModuleReport[] {
  const { modules, loadedAt } = datapath.loaded;
  return modules.modules.flatMap(({ name, programs }) =>
    programs.map(({ function: fn, slot, program }) => {
      const { id, tag, jitedLen } = program.info();
      const short = fn.replace(/^iov_/, '');
      return {
        name: short === name ? name : `${name}/${short}`,
        programId: id,
        tag,
        slot: slot ?? 0,
        instances: instancesOf(datapath, name),
        jitedBytes: jitedLen,
        loadedAt: loadedAt.toISOString(),
      };
    }),
  );
}

/** Instances are rows of the maps: a switch module has one a logical switch, a tunnel module one an address of a chassis, others one a port. */
function instancesOf(datapath: Datapath, module: string): number {
  const { resources, tunnels } = datapath.compiler;
  const ports = [...datapath.compiler.localPorts()];
  if (module === 'tunnel') return [...tunnels.values()].flat().length;
  if (module === 'portsec') return ports.filter(({ resource }) => resource.portSecurityEnabled).length;
  if (module === 'police') return ports.filter(({ resource }) => resource.qosMaxRate > 0n).length;
  if (module === 'observe')
    return ports.filter(({ resource }) => resource.learn || resource.virtualAddresses.length > 0).length;
  return module === 'entry' ? ports.length : resources.switches.size;
}
