import * as iov from '@iovisor-ovn/iomodules';
import { BpfObject, type BpfProgram } from '@iovisor-ovn/libbpf';
import { type Cleanup, withCleanup } from '../cleanup.js';
import { type Endpoint, udpFrame } from '../frame.js';
import type { Native } from '../native.js';
import { alice, bob } from '../pps/path.js';
import { median } from '../stats.js';

/** Nanoseconds a run of BPF_PROG_TEST_RUN, which has a cost of its own (about 15 ns) in both. */
export interface TestRunCost {
  redirectNs: number;
  localNs: number;
}

const LOOPBACK = 1; // ifindex of lo in every network namespace; a test run sends nothing
const DATAPATH = 1;
const TC_ACT_REDIRECT = 7;
const { IOV_SEC_IP4, IOV_SEC_OUT_IP4, IOV_SEC_OUT_IP6 } = iov.iov_security_flag;
const RESTRICTED_TO_IP4 = IOV_SEC_IP4 | IOV_SEC_OUT_IP4 | IOV_SEC_OUT_IP6;

export interface TestRunOptions {
  /** How often to load everything anew: where code and maps come to lie changes a load's time by up to a fifth. */
  loads: number;
  /** Runs of each load. */
  repetitions: number;
}

/**
 * A packet from a port to another of the same switch, both with MAC + IPv4 port security, and the same only redirected.
 * Of each load the best run counts, of all loads the median.
 */
export async function testRunCost(
  parent: Cleanup,
  native: Native,
  { loads, repetitions }: TestRunOptions,
): Promise<TestRunCost> {
  const object = await native.redirectObject(LOOPBACK);
  const costs: TestRunCost[] = [];
  for (let i = 0; i < loads; i++)
    costs.push(await withCleanup(parent, async (cleanup) => measureLoad(cleanup, object, repetitions)));
  return {
    redirectNs: median(costs.map((cost) => cost.redirectNs)),
    localNs: median(costs.map((cost) => cost.localNs)),
  };
}

function measureLoad(cleanup: Cleanup, redirectObject: string, repetitions: number): TestRunCost {
  const redirect = BpfObject.open(redirectObject);
  cleanup.add('redirect object', () => redirect.close());
  redirect.load();
  const modules = iov.loadIoModules();
  cleanup.add('IOModules', () => modules.close());
  const { maps } = modules;
  addPort(maps, 1, alice);
  addPort(maps, 2, bob);
  maps.iov_ifindex.update(u32(LOOPBACK), iov.iov_ifindexCodec.encode({ ifindex: LOOPBACK, port: 1 }));
  const cost = { redirectNs: Number.POSITIVE_INFINITY, localNs: Number.POSITIVE_INFINITY };
  for (let i = 0; i < repetitions; i++) {
    cost.redirectNs = Math.min(cost.redirectNs, nanoseconds(redirect.program('redirect')));
    cost.localNs = Math.min(cost.localNs, nanoseconds(modules.entry));
  }
  return cost;
}

function addPort(maps: iov.LoadedModules['maps'], number: number, who: Endpoint): void {
  const { IOV_PORT_VALID, IOV_PORT_ENABLED, IOV_PORT_PEER, IOV_PORT_SECURITY, IOV_PORT_SECURITY_ONE } =
    iov.iov_port_flag;
  const mac = Buffer.from(who.mac.replaceAll(':', ''), 'hex');
  const port = iov.iov_portCodec.encode({
    ifindex: LOOPBACK,
    flags: IOV_PORT_VALID | IOV_PORT_ENABLED | IOV_PORT_PEER | IOV_PORT_SECURITY | IOV_PORT_SECURITY_ONE,
    datapath: DATAPATH,
    port_key: number,
    security_mac: mac,
    security_flags: RESTRICTED_TO_IP4,
    security_ip4: who.ip.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0),
  });
  maps.iov_ports.update(u32(number), port);
  const dest = { kind: iov.iov_dest_kind.IOV_DEST_LOCAL, index: number, egress_key: number };
  maps.iov_fdb.update(
    iov.iov_fdb_keyCodec.encode({ datapath: DATAPATH, mac }),
    iov.iov_destCodec.encode(dest),
  );
}

const RUNS = 200_000;

/** By our own clock: the kernel's answer has whole nanoseconds, of which a run takes less than twenty. */
function nanoseconds(program: BpfProgram): number {
  const data = udpFrame(alice, bob);
  const start = process.hrtime.bigint();
  const { retval } = program.testRun({ data, repeat: RUNS, ctx: { ifindex: LOOPBACK } });
  const elapsed = Number(process.hrtime.bigint() - start);
  if (retval !== TC_ACT_REDIRECT)
    throw new Error(`${program.name} returned ${retval} for the test packet, not TC_ACT_REDIRECT`);
  return elapsed / RUNS;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  new Uint32Array(bytes.buffer, bytes.byteOffset, 1)[0] = value;
  return bytes;
}
