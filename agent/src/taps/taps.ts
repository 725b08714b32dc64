import { EventEmitter } from 'node:events';
import type { ChassisConfig, Problem } from '@iovisor-ovn/proto';
import type { Log, Netlink } from '../netlink/index.js';
import type { PluggedInterface } from './pluggedInterface.js';

/** Files of a TLS identity for `ssl:` remotes. */
export interface TapsTls {
  certFile?: string;
  keyFile?: string;
  caFile?: string;
}

export interface TapsOptions {
  /** OVSDB remotes in OVN's syntax: `unix:/var/run/openvswitch/db.sock`. */
  readonly remote: string;
  readonly tls?: TapsTls;
  readonly netlink: Netlink;
  readonly log: Log;
  /** Integration bridge; default: external_ids:ovn-bridge, else br-int. */
  readonly bridge?: string;
}

interface TapsEvents {
  plugged: [];
  devices: [];
  config: [];
  problems: [];
  connected: [];
  disconnected: [];
}

/**
 * The local Open_vSwitch database: which device is which logical port, and everything ovs-vswitchd and ovn-controller
 * would answer there.
 */
export class Taps extends EventEmitter<TapsEvents> {
  constructor(readonly options: TapsOptions) {
    super();
  }
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  get connected(): boolean {
    return false;
  }
  get chassisConfig(): ChassisConfig | undefined {
    return undefined;
  }
  get coordinator(): string | undefined {
    return undefined;
  }
  get cleanupOnExit(): boolean {
    return false;
  }
  get plugged(): ReadonlyMap<string, PluggedInterface> {
    return new Map();
  }
  get devices(): ReadonlyMap<number, string> {
    return new Map();
  }
  get problems(): readonly Problem[] {
    return [];
  }
  setInstalled(_ifaceIds: ReadonlySet<string>): void {}
  setNbCfg(_nbCfg: bigint): void {}
}
