import { fileURLToPath } from 'node:url';
import { BpfObject, type BpfProgram, type SkBuffFields } from '@iovisor-ovn/libbpf';
import { iov_tunnel_flag, iov_dest_kind as kind } from '../gen/abi.js';
import { ether, ipv4, udp } from '../testing/frames.js';
import { Lab } from '../testing/lab.js';
import { vethPair } from '../testing/netns.js';
import { encapsulated, type Outer } from '../testing/outer.js';

/** Nanoseconds a packet, of a 60-byte UDP packet, by BPF_PROG_TEST_RUN. */
export interface ChainCost {
  /** A program that only redirects: the floor, with the cost of the test run itself. */
  redirectOnly: number;
  /** entry, switch, delivery: no port security. */
  local: number;
  /** entry, port security of the sender, switch, port security of the receiver, delivery. */
  localSecured: number;
  /** The same with port security in tries instead of the inline element. */
  localSecuredTries: number;
  /** entry, port security, switch, VXLAN encapsulation. */
  encap: number;
  /** The same with the outer UDP checksum, around UDP without a checksum: the whole frame is summed up. */
  encapSummed: number;
  /** VXLAN decapsulation, port security of the receiver, delivery. */
  decap: number;
  /** The same with the outer UDP checksum verified. */
  decapSummed: number;
}

interface Effort {
  /** Runs a measurement; the least of `rounds` measurements counts. */
  repeat?: number;
  rounds?: number;
}

const macOf = (machine: number) => `02:00:00:00:00:0${machine}`;
const addressesOf = (machine: number) => `${macOf(machine)} 10.0.0.${machine}`;
const outer: Outer = {
  type: 'vxlan',
  srcMac: '02:00:00:00:01:01',
  dstMac: '02:00:00:00:01:02',
  src: '192.0.2.1',
  dst: '192.0.2.2',
};

/** Measures the chain on the running kernel. Needs root; nothing is left behind but a network namespace of the process. */
export function measureChain({ repeat = 200_000, rounds = 15 }: Effort = {}): ChainCost {
  const lab = new Lab();
  const object = BpfObject.open(fileURLToPath(new URL('../obj/bench.bpf.o', import.meta.url)));
  try {
    object.load();
    return measure(lab, object.program('redirect_only'), { repeat, rounds });
  } finally {
    object.close();
    lab.close();
  }
}

function measure(lab: Lab, redirect: BpfProgram, effort: Required<Effort>): ChainCost {
  const { entry, uplink } = lab.modules;
  const [open, secured, tries] = ports(lab);
  const frame = (from: number, to: number) =>
    ether(
      { src: macOf(from), dst: macOf(to), type: 0x0800 },
      ipv4({ src: `10.0.0.${from}`, dst: `10.0.0.${to}`, proto: 17 }, udp(1000, 2000)),
    );
  const at = (port: { ifindex: number }) => ({ ifindex: port.ifindex });
  const warm = (program: BpfProgram, data: Buffer, ctx: Partial<SkBuffFields>) =>
    least(effort.rounds, () => program.testRun({ data, ctx, repeat: effort.repeat }).durationNs);
  // These change their packet, so that each run needs a new one. What is measured then includes the clock and colder caches:
  // only the difference to the local chain, measured likewise, is good.
  const once = (program: BpfProgram, data: Buffer, ctx: Partial<SkBuffFields> = {}) =>
    tenth(Array.from({ length: 20_000 }, () => program.testRun({ data, ctx }).durationNs));

  const localSecured = warm(entry, frame(2, 3), at(secured));
  const more = localSecured - once(entry, frame(2, 3), at(secured));
  const arriving = { ...outer, src: outer.dst, dst: outer.src, sport: 50000, vni: (3 << 12) | 1 };
  return {
    redirectOnly: warm(redirect, frame(2, 3), at(secured)),
    local: warm(entry, frame(1, 6), at(open)),
    localSecured,
    localSecuredTries: warm(entry, frame(4, 5), at(tries)),
    encap: more + once(entry, frame(2, 9), at(secured)),
    encapSummed: more + once(entry, frame(2, 8), at(secured)),
    decap: more + once(uplink, encapsulated(arriving, frame(9, 3))),
    decapSummed: more + once(uplink, encapsulated({ ...arriving, checksum: true }, frame(9, 3))),
  };
}

/** Ports 1 and 6 without port security, 2 and 3 with the inline form, 4 and 5 with tries; 9 and 8 are on another chassis, 8 by a tunnel
 * with checksums. */
function ports(lab: Lab) {
  lab.addSwitch(1);
  const open = lab.addPort({ addresses: [addressesOf(1)] });
  const [secured] = [2, 3].map((n) =>
    lab.addPort({ addresses: [addressesOf(n)], security: [addressesOf(n)] }),
  );
  const [tries] = [4, 5].map((n) =>
    lab.addPort({ addresses: [addressesOf(n)], security: [addressesOf(n)], inline: false }),
  );
  lab.addPort({ addresses: [addressesOf(6)] });
  const under = vethPair().ifindex;
  lab.addTunnel(2, under, outer, { set: iov_tunnel_flag.IOV_TUNNEL_CSUM });
  lab.addTunnel(1, under, outer);
  lab.addMac(1, macOf(9), { kind: kind.IOV_DEST_REMOTE, egress_key: 9, index: 1 });
  lab.addMac(1, macOf(8), { kind: kind.IOV_DEST_REMOTE, egress_key: 8, index: 2 });
  lab.addTunnelDest(1, 3, { kind: kind.IOV_DEST_LOCAL, index: 3, egress_key: 3 });
  return [open, secured!, tries!] as const;
}

function least(rounds: number, run: () => number): number {
  return Math.min(...Array.from({ length: rounds }, run));
}

/** The value that a tenth of them does not exceed. */
function tenth(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 10)]!;
}
