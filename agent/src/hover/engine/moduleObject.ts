import { BpfError, type BpfMap, BpfObject, type BpfProgram, Btf, VerifierError } from '@iovisor-ovn/libbpf';
import { type EntryType, entryType } from '../tables/entryType.js';
import { LoadError } from './hoverEngine.js';

/** How a table is shared: see iomodules/hover/include/hover/table.h. */
export type Sharing = 'own' | 'public' | 'extern';

/** A map that a module's object declares, the glue's apart. */
export interface DeclaredTable {
  /** As users know it. */
  readonly name: string;
  /** Of the variable. */
  readonly map: string;
  readonly sharing: Sharing;
  readonly key: EntryType;
  readonly leaf: EntryType;
}

/** What a module may make the kernel reserve for its tables. */
const MAX_TABLE_BYTES = 2 ** 30;
/** Maps of the glue, which all modules share, are called like this. */
const GLUE = 'hover_';

/** Maps that an object declares. */
export interface Declared {
  readonly tables: readonly DeclaredTable[];
  /** Names of the glue's maps in it. */
  readonly glue: readonly string[];
}

/** @throws LoadError for a map that cannot be a table */
export function declaredMaps(path: string): Declared {
  const btf = Btf.fromObjectFile(path);
  const section = btf.find('.maps', 'datasec');
  const type = section === undefined ? undefined : btf.type(section);
  const names = type?.kind === 'datasec' ? type.vars.map((one) => btf.type(one.type).name) : [];
  return {
    tables: names.filter((name) => !name.startsWith(GLUE)).map((name) => declaredTable(btf, name)),
    glue: names.filter((name) => name.startsWith(GLUE)),
  };
}

function declaredTable(btf: Btf, map: string): DeclaredTable {
  const variable = btf.type(btf.find(map, 'var')!);
  const definition = 'type' in variable ? btf.resolve(variable.type) : variable;
  const members = definition.kind === 'struct' ? definition.members : [];
  const pointee = (member: string): number | undefined => {
    const found = members.find(({ name }) => name === member);
    const pointer = found && btf.resolve(found.type);
    return pointer?.kind === 'ptr' ? pointer.type : undefined;
  };
  const typeOf = (member: 'key' | 'value'): EntryType => {
    const id = pointee(member);
    if (id === undefined) throw new LoadError(`table ${map} does not say of which type its ${member}s are`);
    return entryType(btf, id);
  };
  const [, name = map, suffix] = /^(.*)__(table|public)$/.exec(map) ?? [];
  const extra = pointee('map_extra');
  const array = extra === undefined ? undefined : btf.resolve(extra);
  const isExtern = suffix !== undefined && array?.kind === 'array' && array.count === 1;
  const sharing = isExtern ? 'extern' : suffix === 'public' ? 'public' : 'own';
  return { name, map, sharing, key: typeOf('key'), leaf: typeOf('value') };
}

/** Opens an object to be loaded: its maps of the glue, and those of other modules, are those given. @throws LoadError */
export function openModule(path: string, reuse: Readonly<Record<string, BpfMap>>): BpfObject {
  const types = Object.fromEntries(
    Object.entries(reuse).flatMap(([name, { type }]) => (type === 'unknown' ? [] : [[name, type] as const])),
  );
  const object = guarded(() => BpfObject.open(path, { reuse, types }));
  try {
    programOf(object);
    checkSize(object, reuse);
    return object;
  } catch (error) {
    object.close();
    throw error;
  }
}

function checkSize(object: BpfObject, reuse: Readonly<Record<string, BpfMap>>): void {
  let bytes = 0;
  for (const [name, map] of object.maps)
    if (!(name in reuse)) bytes += map.maxEntries * (map.keySize + map.valueSize);
  if (bytes > MAX_TABLE_BYTES)
    throw new LoadError(`its tables would take ${bytes} bytes, more than ${MAX_TABLE_BYTES}`);
}

/** The one program of a module. @throws LoadError when it has none or several */
export function programOf(object: BpfObject): BpfProgram {
  const [program, ...others] = object.programs.values();
  if (program === undefined || others.length > 0 || program.type !== 'sched_cls') {
    const has = [...object.programs.keys()].join(', ') || 'none';
    throw new LoadError(`a module is one program of section "tc" (IOV_MODULE); this has ${has}`);
  }
  return program;
}

/** @throws LoadError instead of what the kernel or libbpf refused */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asLoadError(error);
  }
}

/** With the verifier's whole log, if it was the verifier. */
export function asLoadError(error: unknown): unknown {
  if (error instanceof VerifierError)
    return new LoadError(`the kernel's verifier refuses it: ${error.summary}\n${error.log}`, {
      cause: error,
    });
  if (!(error instanceof BpfError)) return error;
  return new LoadError(`${error.message}${error.log === '' ? '' : `\n${error.log}`}`, { cause: error });
}
