import { fileURLToPath } from 'node:url';

/** A program of a module. It either has a slot of the program array or is attached at a hook. */
export interface ModuleProgram {
  /** Name of the C function. */
  function: string;
  /** enum iov_slot: where other programs jump to it. */
  slot?: number;
  /** tc ingress of what: the tap or veth of a logical port, or a device of the underlay. */
  hook?: 'tap' | 'uplink';
}

/** A kind of IOModule: loaded once, its instances are rows of the shared maps. */
export interface IoModule {
  /** Also the name of its folder. */
  name: string;
  /** Path of the compiled object. */
  object: string;
  description: string;
  programs: readonly ModuleProgram[];
}

/** Registers the module of folder `name`; generate.mjs has compiled its NAME.bpf.c. */
export function defineModule(
  name: string,
  description: string,
  programs: readonly ModuleProgram[],
): IoModule {
  // Compiled, this file lies in dist, beside obj.
  const object = fileURLToPath(new URL(`./obj/${name}.bpf.o`, import.meta.url));
  return { name, object, description, programs };
}
