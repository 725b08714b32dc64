/** Modules, links, interfaces, bridges and policies of the Hover API, over an engine. */
export type { BuiltinInstance, BuiltinModule, BuiltinRegistry, PortPeer } from './builtin.js';
export { HoverError } from './hoverError.js';
export { type Devices, HoverGraph, type HoverGraphOptions, type ModuleSpec } from './hoverGraph.js';
export type { Json, JsonObject } from './json.js';
export {
  type BridgeNode,
  bridgePath,
  type End,
  type InterfaceNode,
  type Link,
  ModuleNode,
} from './node.js';
