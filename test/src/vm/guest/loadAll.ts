// Runs in a virtual machine: loads every IOModule into its kernel, for tracing too, and prints what there is, as JSON.
import { loadIoModules, modules } from '@iovisor-ovn/iomodules';
import { features } from '@iovisor-ovn/libbpf';

const loaded = loadIoModules();
loadIoModules({ maps: loaded.maps, tracing: true }).close();
const effort = Math.max(...Object.values(loaded.programs).map((one) => one.info().verifiedInstructions));
const names = { loaded: loaded.modules.map(({ name }) => name), modules: modules.map(({ name }) => name) };
console.log(JSON.stringify({ ...features(), ...names, effort }));
loaded.close();
