// Runs in a virtual machine: loads every IOModule into its kernel and prints what there is, as JSON.
import { loadIoModules, modules } from '@iovisor-ovn/iomodules';
import { features } from '@iovisor-ovn/libbpf';

const loaded = loadIoModules();
const names = { loaded: loaded.modules.map(({ name }) => name), modules: modules.map(({ name }) => name) };
console.log(JSON.stringify({ ...features(), ...names }));
loaded.close();
