import { release } from 'node:os';
import { ABI_VERSION } from '@iovisor-ovn/iomodules';
import type { AgentReport } from '@iovisor-ovn/proto';
import type { Datapath } from '../datapath/index.js';
import { VERSION } from '../version.js';

/** What the agent knows of itself, beside its data plane. */
export interface SelfState {
  bpffs: string;
  logLevel: string;
  /** Services of its grpc.health.v1. */
  health: Readonly<Record<string, boolean>>;
}

/** The agent itself: versions, what it runs on, whether it is well. */
export function selfReport(datapath: Datapath, { bpffs, logLevel, health }: SelfState): AgentReport {
  const ports = [...datapath.compiler.localPorts()];
  return {
    version: VERSION,
    abi: ABI_VERSION,
    runtime: `node ${process.versions.node}`,
    kernel: release(),
    hook: datapath.attachments.hook,
    bpffs,
    logLevel,
    uptimeSeconds: BigInt(Math.floor(process.uptime())),
    memoryBytes: BigInt(process.memoryUsage.rss()),
    health: { ...health },
    ports: ports.length,
    forwarding: ports.filter(({ id }) => datapath.forwarding.has(id)).length,
  };
}
