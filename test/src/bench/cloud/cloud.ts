/** A process whose memory counts. */
export interface CloudProcess {
  /** "agent hv1" */
  name: string;
  pid: number;
}

/** An OVN cloud of two hypervisors under one logical switch, as the control-plane benchmarks see it. */
export interface Cloud {
  /** "stock OVN", "ours" */
  name: string;
  /** Runs ovn-nbctl to its end. */
  nbctl(...args: string[]): Promise<string>;
  /** Makes tap devices at a hypervisor, and plugs each by its iface-id into br-int in one ovs-vsctl transaction. */
  plug(hypervisor: number, taps: readonly { tap: string; ifaceId: string }[]): Promise<void>;
  /** What runs in place of what stock OVN would run; databases and northd are the same for both and do not count. */
  processes(): { central: CloudProcess[]; hypervisors: CloudProcess[][] };
}
