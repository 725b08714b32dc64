import { dropReasons, iov_drop, type iov_packet, iov_packetCodec } from '@iovisor-ovn/iomodules';
import { ip6, type LabPort, mac } from '@iovisor-ovn/iomodules/testing';
import { Random } from '../random.js';
import { ChainRunner, type ChainVerdict } from './chainRun.js';
import { fromTunnel, makers } from './frames.js';
import { mutate } from './mutate.js';
import { Tally, type Target, type TargetOptions, type TargetReport } from './target.js';
import { type Tenant, Tenants } from './tenants.js';

const [TC_ACT_UNSPEC, TC_ACT_SHOT, TC_ACT_REDIRECT] = [-1, 2, 7];

/** Ports' counters are looked at after so many packets: of all ports, of all CPUs. */
const BATCH = 256;

const names = [...Object.keys(makers), 'uplink'];

/** The modules that the chain of a logical switch has; each is a target of its own, and `all` takes turns. */
export const chainTargets: Target[] = ['all', ...Object.keys(makers), 'uplink'].map((name) => ({
  name: `module:${name}`,
  what: 'mutated packets of one tenant beside another: nothing reaches that one or comes from it, and all is counted',
  cases: 1_000_000,
  run: (options) => fuzzChain(name, options),
}));

/** `sabotage` makes a mistake in the maps, to see that it is found. */
export async function fuzzChain(
  name: string,
  { seed, cases, stop = () => false }: TargetOptions,
  sabotage: (tenants: Tenants) => void = () => undefined,
): Promise<TargetReport> {
  const tenants = new Tenants();
  try {
    sabotage(tenants);
    return await new ChainFuzz(tenants, name, seed).run(cases, stop);
  } finally {
    tenants.close();
  }
}

/** One packet and all that is needed to have it again. */
interface Shot {
  bytes: Buffer;
  tenant: Tenant;
  /** Undefined: from the underlay. */
  from?: LabPort;
}

class ChainFuzz {
  readonly #tenants: Tenants;
  readonly #name: string;
  readonly #random: Random;
  readonly #runner: ChainRunner;
  readonly #tally = new Tally();
  /** What another tenant's packet leaves behind in the scratch. */
  readonly #left = Buffer.alloc(iov_packetCodec.size, 0xca);
  readonly #canaries: Buffer[];
  /** Receivers that verdicts and copies reached since the counters were looked at. */
  #reached = 0;

  constructor(tenants: Tenants, name: string, seed: number) {
    this.#tenants = tenants;
    this.#name = name;
    this.#random = new Random(seed);
    this.#runner = new ChainRunner(tenants.lab);
    const { macs, ip6: addresses } = tenants.b;
    // What is in B's maps, and what is in the scratch.
    this.#canaries = [
      ...macs.map((address) => mac(address).subarray(0, 5)),
      ...addresses.map((address) => ip6(address).subarray(0, 14)),
      Buffer.alloc(6, 0xca),
    ];
  }

  async run(cases: number, stop: () => boolean): Promise<TargetReport> {
    const tally = this.#tally;
    let counters = this.#counters();
    while (tally.cases < cases && !stop() && !tally.isFull) {
      const size = Math.min(BATCH, cases - tally.cases);
      for (let i = 0; i < size; i++) {
        this.#shoot(this.#shot(this.#tenants.a), tally.cases++);
      }
      const after = this.#counters();
      this.#checkCounters(counters, after);
      this.#reached = 0;
      counters = after;
      await new Promise(setImmediate);
    }
    return tally;
  }

  #shot(tenant: Tenant): Shot {
    const random = this.#random;
    const name = this.#name === 'all' ? random.pick(names) : this.#name;
    if (name === 'uplink') {
      const bytes = fromTunnel(random, this.#tenants.outers, tenant);
      return { tenant, bytes: random.chance(0.1) ? bytes : mutate(random, bytes, bytes, 14) };
    }
    const from = random.int(tenant.ports.length);
    const bytes = makers[name]!(random, tenant, from);
    if (random.chance(0.1)) return { tenant, bytes, from: tenant.ports[from]! };
    // To the other tenant's addresses, too: they mean nothing here.
    if (random.chance(0.1)) mac(random.pick(this.#tenants.b.macs)).copy(bytes, random.pick([0, 6]));
    const other = random.pick(Object.values(makers))(random, tenant, from);
    return { tenant, bytes: mutate(random, bytes, other, 14), from: tenant.ports[from]! };
  }

  #shoot(shot: Shot, number: number): void {
    const { bytes, from, tenant } = shot;
    let verdict: ChainVerdict;
    try {
      verdict = this.#runner.run(bytes, from?.ifindex ?? 0, this.#left);
    } catch (error) {
      // Too short for its protocol, or too long: the kernel runs no such packet.
      this.#tally.saw(`not run: ${(error as Error).message.slice(0, 40)}`);
      return;
    }
    const wrong = this.#judge(shot, verdict);
    this.#reached += reachedBy(verdict);
    const { retval, out, scratch, drops } = verdict;
    const where = from ? `port ${from.number}` : 'uplink';
    if (wrong !== undefined)
      this.#fail(
        number,
        `${wrong}: ${bytes.toString('hex')} from ${where} became ${retval}, port ${scratch.out_port}, ${out.toString('hex')}`,
      );
    if (number % 4 !== 0 || tenant.ports[3] === from) return;
    // The same packet on a fresh CPU.
    const again = this.#runner.run(bytes, from?.ifindex ?? 0, Buffer.alloc(this.#left.length));
    this.#reached += reachedBy(again);
    const differs = again.retval !== retval || !again.out.equals(out) || again.drops.join() !== drops.join();
    if (differs)
      this.#fail(
        number,
        `what was left in the scratch shows: ${bytes.toString('hex')} from ${where}: ${out.toString('hex')} or ${again.out.toString('hex')}`,
      );
  }

  #judge({ bytes, tenant, from }: Shot, { retval, out, scratch, drops }: ChainVerdict): string | undefined {
    const dropped = drops.reduce((sum, count) => sum + count, 0);
    if (from === undefined && retval === TC_ACT_UNSPEC) {
      this.#tally.saw('pass');
      return dropped > 0 ? 'passed, and counted as dropped' : undefined;
    }
    if (retval === TC_ACT_SHOT) {
      if (dropped === 0 && copiesOf(scratch) === 0) return 'dropped, and not counted';
      this.#tally.saw(
        copiesOf(scratch) > 0 ? 'flood' : `drop ${nameOf(drops.findIndex((count) => count > 0))}`,
      );
      return undefined;
    }
    if (retval !== TC_ACT_REDIRECT) return `verdict ${retval}`;
    if (dropped > 0 && drops[iov_drop.IOV_DROP_TUNNEL_MTU] !== 1) return 'redirected, and counted as dropped';
    const leaked = this.#canaries.find((canary) => out.includes(canary) && !bytes.includes(canary));
    if (leaked) return `it has ${leaked.toString('hex')} in it, which the sender did not send`;
    if (scratch.room > 0) {
      this.#tally.saw('tunnel');
      return this.#judgeTunnel(out, tenant);
    }
    this.#tally.saw(dropped > 0 ? 'answer' : 'redirect');
    return tenant.ports.some(({ number }) => number === scratch.out_port)
      ? undefined
      : 'to a port of another tenant';
  }

  /** The network identifier in front is that of the sender's switch. */
  #judgeTunnel(out: Buffer, tenant: Tenant): string | undefined {
    const port = out.readUInt16BE(36);
    const vni = out.readUInt32BE(46) >>> 8;
    const key = port === 6081 ? vni : vni & 0xfff;
    return key === tenant.key ? undefined : `into the tunnel of switch ${key}`;
  }

  /** What went out: by each port, and by the tunnels together as 0. */
  #counters(): Map<number, bigint> {
    const { lab, a, b, outers } = this.#tenants;
    const sent = new Map(
      [...a.ports, ...b.ports].map((port) => [port.number, lab.portCounters(port).tx_packets]),
    );
    const tunnels = outers.map((_, i) => lab.tunnelCounters(i + 1).tx_packets);
    return sent.set(
      0,
      tunnels.reduce((sum, count) => sum + count, 0n),
    );
  }

  #checkCounters(before: ReadonlyMap<number, bigint>, after: ReadonlyMap<number, bigint>): void {
    let sent = 0n;
    for (const [number, count] of after) sent += count - before.get(number)!;
    for (const { number } of this.#tenants.b.ports)
      if (after.get(number) !== before.get(number))
        this.#fail(this.#tally.cases, `port ${number} of the other tenant got packets`);
    if (sent !== BigInt(this.#reached))
      this.#fail(
        this.#tally.cases,
        `${sent} packets are counted as sent; by their verdicts it were ${this.#reached}`,
      );
  }

  #fail(number: number, text: string): void {
    this.#tally.fail(`${this.#name}, packet ${number}: ${text}`);
  }
}

function nameOf(reason: number): string {
  return dropReasons.find(({ value }) => value === reason)?.name ?? String(reason);
}

/** How many receivers: itself, when it goes on or is answered, and its copies. */
function reachedBy({ retval, scratch }: ChainVerdict): number {
  return (retval === TC_ACT_REDIRECT ? 1 : 0) + copiesOf(scratch);
}

/** Only a flood says how many; of other packets it is what was left there. */
function copiesOf({ copies }: iov_packet): number {
  return copies === 0xcacacaca ? 0 : copies;
}
