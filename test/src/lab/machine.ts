import { Capture } from './capture.js';
import { command } from './command.js';
import { Netns } from './netns.js';
import { type PingOptions, type PingResult, PingSeries, ping, reaches } from './ping.js';
import type { Registry } from './registry.js';

export interface MachineSpec {
  /** "vm1"; also the name of its logical port unless `port` says another. */
  name: string;
  port?: string;
  mac: string;
  /** With prefix length: ['10.0.0.1/24', 'fd00::1/64']. */
  addresses: readonly string[];
  /** Name of its tap on the hypervisor. Default: "tap" and the digits of the name. */
  tap?: string;
  /** false: checksums are computed by the sender, which a user space switch needs. Default true. */
  checksumOffload?: boolean;
}

/** A virtual machine: a namespace with `eth0`, whose other end is a tap in the hypervisor's namespace. */
export class Machine {
  readonly name: string;
  readonly port: string;
  readonly tap: string;
  readonly mac: string;

  private constructor(
    readonly netns: Netns,
    private hypervisor: Netns,
    private readonly spec: MachineSpec,
  ) {
    this.name = spec.name;
    this.port = spec.port ?? spec.name;
    this.tap = spec.tap ?? `tap${/\d+$/.exec(spec.name)?.[0] ?? spec.name}`;
    this.mac = spec.mac;
  }

  static async create(
    lab: string,
    hypervisor: Netns,
    spec: MachineSpec,
    registry: Registry,
  ): Promise<Machine> {
    const netns = await Netns.create(`${lab}-${spec.name}`, registry);
    await netns.sysctl(guestSettings(spec.addresses.some((address) => address.includes(':'))));
    const machine = new Machine(netns, hypervisor, spec);
    await machine.attach();
    return machine;
  }

  /** Makes the cable: eth0 here, the tap there; at another hypervisor, when it has moved. */
  async attach(hypervisor: Netns = this.hypervisor): Promise<void> {
    this.hypervisor = hypervisor;
    const { addresses, checksumOffload } = this.spec;
    await this.netns.ip(
      `link add eth0 address ${this.mac} type veth peer name ${this.tap} netns ${this.hypervisor.name}`,
      'link set eth0 up',
      ...addresses.map((address) => `addr add ${address} dev eth0`),
    );
    await this.netns.sysctl(neighbourSettings);
    await this.hypervisor.ip(`link set ${this.tap} up`);
    if (checksumOffload === false) await this.netns.exec('ethtool', '-K', 'eth0', 'tx', 'off');
  }

  /** Deletes the cable: the tap vanishes from the hypervisor. */
  async detach(): Promise<void> {
    await this.netns.ip('link delete eth0');
  }

  ping(to: Machine | string, o?: PingOptions): Promise<PingResult> {
    return ping(this.netns, typeof to === 'string' ? to : to.address(), o);
  }

  /** Did every ping get its answer? */
  reaches(to: Machine | string, o?: PingOptions): Promise<boolean> {
    return reaches(this.netns, typeof to === 'string' ? to : to.address(), o);
  }

  /** Pings every 10 ms until stopped. */
  pingSeries(to: Machine | string): Promise<PingSeries> {
    return PingSeries.start(this.netns, typeof to === 'string' ? to : to.address());
  }

  /** tcpdump on its eth0. */
  capture(filter: string): Promise<Capture> {
    return Capture.start(this.netns, filter);
  }

  /** Its n-th address without the prefix length, as given at creation. */
  address(n = 0): string {
    return this.spec.addresses[n]!.split('/')[0]!;
  }

  /** Changes its addresses by hand, as its owner might: all of them are replaced. */
  async setAddresses(...addresses: string[]): Promise<void> {
    await this.netns.ip(
      'addr flush dev eth0 scope global',
      ...addresses.map((a) => `addr add ${a} dev eth0`),
    );
  }

  /** Forgets ARP and ND answers, so that the next packet asks again. */
  async flushNeighbours(): Promise<void> {
    await this.netns.exec('ip', 'neigh', 'flush', 'dev', 'eth0');
  }

  /** Sends one Ethernet frame as it is. */
  async sendFrame(frame: Buffer): Promise<void> {
    const script =
      'import socket,sys;s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW);s.bind(("eth0",0));s.send(bytes.fromhex(sys.argv[1]))';
    await command([...this.netns.prefix, 'python3', '-c', script, frame.toString('hex')]);
  }
}

/** Kernel settings of a machine's devices to be: nothing in it shall take seconds, or speak without being asked. */
const guestSettings = (ipv6: boolean): Record<string, number> =>
  ipv6
    ? { 'net.ipv6.conf.default.accept_dad': 0, 'net.ipv6.conf.default.router_solicitations': 0 }
    : { 'net.ipv6.conf.default.disable_ipv6': 1 };

/**
 * A machine that gets no answer to ARP asks again each second, and drops after three what waited: a test or a newcomer
 * that goes on at once after a port was dead would see losses that are the machine's own.
 */
const neighbourSettings = {
  'net.ipv4.neigh.eth0.retrans_time_ms': 100,
  'net.ipv6.neigh.eth0.retrans_time_ms': 100,
};
