import type { ProgramInfo } from '@iovisor-ovn/libbpf';
import type { ModuleReport } from '@iovisor-ovn/proto';
import type { Datapath } from '../datapath/index.js';

/** The loaded IOModules, a row for each of their programs. */
export function moduleReports(datapath: Datapath): ModuleReport[] {
  const { loadedAt } = datapath.loaded;
  return loadedPrograms(datapath).map(({ module, name, slot, info }) => ({
    name,
    programId: info.id,
    tag: info.tag,
    slot: slot ?? 0,
    instances: instancesOf(datapath, module),
    jitedBytes: info.jitedLen,
    loadedAt: loadedAt.toISOString(),
  }));
}

/** A program of an IOModule in the kernel. */
export interface ReportedProgram {
  module: string;
  /** For people: that of the module, with the program's behind it if they differ. */
  name: string;
  slot: number | undefined;
  info: ProgramInfo;
}

export function loadedPrograms(datapath: Datapath): ReportedProgram[] {
  return datapath.loaded.modules.modules.flatMap(({ name: module, programs }) =>
    programs.map(({ function: fn, slot, program }) => {
      const short = fn.replace(/^iov_/, '');
      const name = short === module ? module : `${module}/${short}`;
      return { module, name, slot, info: program.info() };
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
