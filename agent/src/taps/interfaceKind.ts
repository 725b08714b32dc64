import type { Interface } from '../gen/vswitch.js';

/**
 * What stands behind an Interface row:
 * - `local`: the port of the bridge's own name; nothing needs to be there
 * - `device`: a network device of that name
 * - `virtual`: no device of its own (patch ports, tunnels)
 * - `unsupported`: a type that only another data plane has
 */
export type InterfaceKind = 'local' | 'device' | 'virtual' | 'unsupported';

const DEVICE_TYPES = ['', 'system', 'tap', 'internal'];
const VIRTUAL_TYPES = [
  'patch',
  'geneve',
  'vxlan',
  'gre',
  'ip6gre',
  'erspan',
  'ip6erspan',
  'stt',
  'lisp',
  'gtpu',
  'bareudp',
];

/** Interface types, as Open_vSwitch.iface_types lists them for CMSs that choose how to plug by them. */
export const IFACE_TYPES: readonly string[] = ['geneve', 'internal', 'patch', 'system', 'tap', 'vxlan'];

/** Bridge datapath types: accepted alike, there is one data plane. */
export const DATAPATH_TYPES: readonly string[] = ['netdev', 'system'];

export function interfaceKind(
  { name, type }: Pick<Interface, 'name' | 'type'>,
  bridge: string,
): InterfaceKind {
  if (name === bridge) return 'local';
  if (DEVICE_TYPES.includes(type)) return 'device';
  return VIRTUAL_TYPES.includes(type) ? 'virtual' : 'unsupported';
}
