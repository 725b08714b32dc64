import type { Interface } from '../gen/vswitch.js';
import type { DriverFacts, Link } from '../netlink/index.js';
import type { InterfaceKind } from './interfaceKind.js';

/** An Interface row of a bridge and what the kernel has of it. */
export interface Attachment {
  readonly row: Interface;
  /** Bridge name. */
  readonly bridge: string;
  readonly kind: InterfaceKind;
  /** The device that the row names, wherever it is; undefined when it does not exist, cannot be seen, or none is needed. */
  readonly link?: Link;
  /** The device by which its frames come and go here: the same, but for internal ports, which have a hidden one for that. */
  readonly end?: Link;
  /** What the driver of `end` says; of nothing when there is no device. */
  readonly facts?: DriverFacts;
  /** OpenFlow port number; undefined when `error` says why there is none. */
  readonly ofport?: number;
  /** Text for Interface.error, as ovs-vswitchd words it: the interface is no port. */
  readonly error?: string;
  /** Text for Interface.error of an interface that is a port all the same. */
  readonly warning?: string;
}
