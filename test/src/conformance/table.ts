import type { Stage, StageSwitch } from './stage.js';

/** What a port of a test switch is. */
export interface PortSetup {
  /** Number of its hypervisor; its device is plugged in there. */
  hv: 1 | 2;
  /** The logical port, when it is not named like this: one that is plugged in at both hypervisors is in the table twice. */
  port?: string;
  /** Logical_Switch_Port.type */
  type?: 'localnet' | 'localport' | 'l2gateway' | 'virtual' | 'external';
  /** Logical_Switch_Port.options */
  options?: Readonly<Record<string, string>>;
  /** A nested port: the port whose device carries its frames, with `tag`. */
  parent?: string;
  /**
   * A port to a physical network (localnet, l2gateway): a host on that network sends and receives its frames, with `tag` if
   * there is one. Its `hv` says nothing.
   */
  network?: string;
  /** VLAN ID. */
  tag?: number;
  /** What is sent to all does not reach it, until a case's `prepare` says otherwise. */
  deaf?: boolean;
  /** Logical_Switch_Port.addresses */
  addresses?: readonly string[];
  /** Logical_Switch_Port.port_security */
  portSecurity?: readonly string[];
  /** Logical_Switch_Port.enabled; default true. */
  enabled?: boolean;
  /** false: it exists in the Northbound database only. Default true. */
  plugged?: boolean;
}

export interface SwitchSetup {
  /** Unique; the first part of its ports' names. */
  name: string;
  /** Logical_Switch.other_config */
  otherConfig?: Readonly<Record<string, string>>;
  /** By their short names. Every switch also gets `x` (hv1) and `y` (hv2), see beacons. */
  ports: Readonly<Record<string, PortSetup>>;
  /** More ovn-nbctl commands, each after "--", in the same transaction. */
  northbound?: readonly string[];
}

/** What must become of a frame. */
export type Expected =
  /** It arrives unchanged at these ports and nowhere else. */
  | { to: readonly string[] }
  /** It arrives unchanged at every port of the switch that is plugged in and enabled, but the sender's. */
  | { to: 'everyone' }
  /** The sender gets this frame, and nobody gets anything else. */
  | { answer: Buffer }
  /** These frames arrive, as the ports' machines see them, and nothing else. */
  | { frames: readonly { at: string; frame: Buffer }[] }
  /** Nobody gets anything; ours counts it under this reason, "" for any. */
  | { drop: string };

export interface Case {
  name: string;
  /** Short name of the port. */
  from: string;
  frame: Buffer;
  expected: Expected;
  /** What happens before it is sent. */
  prepare?: (stage: Stage, made: StageSwitch) => Promise<void>;
  /** Why stock OVN 23.03 does otherwise and we do not follow (../../../shared/reference/ovn-behaviour.md). */
  differsFromStock?: string;
  /** A bug of ours that is known: what is wrong. Once it is mended the run complains until this is removed. */
  knownBug?: string;
}

/** A switch and what is sent into it. */
export interface Scenario {
  setup: SwitchSetup;
  cases: readonly Case[];
}

export const reaches = (...to: string[]): Expected => ({ to });
export const everyone: Expected = { to: 'everyone' };
export const answered = (answer: Buffer): Expected => ({ answer });
export const becomes = (frame: Buffer, ...at: string[]): Expected => ({
  frames: at.map((port) => ({ at: port, frame })),
});
export const dropped = (reason = ''): Expected => ({ drop: reason });
/** Nobody gets anything, and nobody need count it: the wire brings a hypervisor much that is not for it. */
export const nothing: Expected = { to: [] };
