export { type DropReason, dropReasons } from './drops.js';
export * from './gen/abi.js';
export { hoverFiles } from './hover/paths.js';
export {
  type LoadedModule,
  type LoadedModules,
  type LoadedProgram,
  type LoadOptions,
  loadIoModules,
  loadIoModulesAsync,
} from './loader.js';
export type { IoModule, ModuleProgram } from './module.js';
export { modules } from './modules.js';
export { type IovMapName, sharedMapNames } from './shared-maps.js';
export { type TracedPacket, type TraceEvent, type TraceOptions, tracePacket } from './trace.js';
export { ABI_VERSION } from './version.js';
