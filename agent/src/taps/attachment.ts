import type { Interface } from '../gen/vswitch.js';
import type { Link } from '../netlink/index.js';
import type { InterfaceKind } from './interfaceKind.js';

/** An Interface row of a bridge and what the kernel has of it. */
export interface Attachment {
  readonly row: Interface;
  /** Bridge name. */
  readonly bridge: string;
  readonly kind: InterfaceKind;
  /** The device; undefined when it does not exist or none is needed. */
  readonly link?: Link;
  /** OpenFlow port number; undefined when `error` says why there is none. */
  readonly ofport?: number;
  /** Text for Interface.error, as ovs-vswitchd words it. */
  readonly error?: string;
}
