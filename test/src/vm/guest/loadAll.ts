// Runs in a virtual machine: loads every IOModule into its kernel, for tracing too, and prints what there is, as JSON.
import { builtinModules, loadIoModules, modules } from '@iovisor-ovn/iomodules';
import { BpfObject, features } from '@iovisor-ovn/libbpf';

const loaded = loadIoModules();
loadIoModules({ maps: loaded.maps, tracing: true }).close();
const effort = Math.max(...Object.values(loaded.programs).map((one) => one.info().verifiedInstructions));
// Modules for the Hover API: each an object with its maps.
const builtins = builtinModules.map(({ types, object }) => {
  const opened = BpfObject.open(object);
  opened.load();
  const [program] = opened.programs.values();
  const { verifiedInstructions } = program!.info();
  opened.close();
  return { type: types[0], effort: verifiedInstructions };
});
const names = { loaded: loaded.modules.map(({ name }) => name), modules: modules.map(({ name }) => name) };
console.log(JSON.stringify({ ...features(), ...names, effort, builtins }));
loaded.close();
