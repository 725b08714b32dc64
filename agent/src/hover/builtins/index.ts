import { builtinModules, type BuiltinModule as Module } from '@iovisor-ovn/iomodules';
import { BpfMap } from '@iovisor-ovn/libbpf';
import type { Log } from '../../netlink/index.js';
import type { BuiltinModule, BuiltinRegistry } from '../graph/index.js';

/** The modules of the IOModules' repository, as `module_type` names them. */
export function builtinRegistry(log: Log): BuiltinRegistry {
  return new Map(
    builtinModules.flatMap((module) => {
      const builtin = adapt(module, log);
      return module.types.map((type) => [type, builtin] as const);
    }),
  );
}

function adapt(module: Module, log: Log): BuiltinModule {
  return {
    ...(module.maxPorts === undefined ? {} : { maxPorts: module.maxPorts }),
    compile: async (engine) => engine.open(module.object),
    start: ({ number, tables }, engine) =>
      module.start({
        map: (name) => {
          const table = tables.get(name);
          if (table === undefined) throw new Error(`module ${module.types[0]} has no table ${name}`);
          // The instance closes the descriptor; this only borrows it.
          return BpfMap.fromFd(table.fd);
        },
        packetOut: (sense, port, data) => engine.packetOut({ module: number, port, sense, data }),
        log: (text) => log.info({ module: number, type: module.types[0] }, text),
      }),
  };
}
