import type { HasFd } from '@iovisor-ovn/libbpf';

/** Which program a device carries at its ingress: the entry of a tap, or the decapsulation of an underlay device. */
export type Role = 'entry' | 'uplink';

/** A program that can be attached; BpfProgram is one. */
export interface Attachable extends HasFd {
  readonly id: number;
}

/** One way to attach programs to devices: TCX links or clsact filters. Every operation is idempotent. */
export interface Hook {
  readonly name: 'tcx' | 'clsact';
  /** attach() and release() take microseconds, not a grace period of RCU (some 10 ms, on another thread). */
  readonly quick: boolean;
  /**
   * Puts this program in place of an earlier load's, between two packets; microseconds.
   * @returns whether the device carries it now; false: it carries none of ours here
   */
  replace(role: Role, ifindex: number, program: Attachable): boolean;
  /**
   * Attaches the program to a device where replace() found none.
   * @throws BpfError ENODEV when the device is gone
   */
  attach(role: Role, ifindex: number, program: Attachable): void | Promise<void>;
  /**
   * Takes our program off the device; does nothing if the device is gone or carries none.
   * @param stays the device goes on forwarding with another hook: not a packet to it may be lost. Default false
   */
  release(role: Role, ifindex: number, stays?: boolean): void | Promise<void>;
  /** Kernel-wide id of the program of ours that the device carries in this role by this hook, as the kernel says; undefined: none. */
  programAt(role: Role, ifindex: number): number | undefined;
  /** Whether the device carries this very program, and nothing of ours has to be mended there: as cheap as can be asked. */
  intact(role: Role, ifindex: number, program: Attachable): boolean;
  /**
   * Devices (of those given, where the hook cannot list its own) that carry our program in this role; undefined for one that was asked
   * and does not.
   */
  attached(role: Role, candidates: Iterable<number>): Iterable<number | undefined>;
  /** Gives up what it holds open; what is attached stays. */
  close(): void;
}
