import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { enterPrivateNetns } from '../netlink/testsupport/privateNetns.js';
import { datapathProblems } from '../report/problems.js';
import { chassisIntent, portIntent, switchIntent } from '../testsupport/intents.js';
import { type Machine, Namespace, sh, uniqueName } from '../testsupport/namespace.js';
import { iov_tunnel_flag as flag, type iov_tunnel, iov_tunnelCodec } from './abi.js';
import { formatMac } from './compile/ip.js';
import type { Datapath } from './datapath.js';
import { u32 } from './entry.js';
import { all, Kernel } from './testsupport/kernel.js';

// Routes of its own.
test.before(enterPrivateNetns);

const [HERE, THERE] = ['198.51.100.1', '198.51.100.2'];
const [A, B] = ['0a:00:00:00:00:01', '0a:00:00:00:00:02'];

/** What the other chassis sends to machine a by VXLAN, behind UDP. */
const toA = Buffer.concat([
  Buffer.from([0x08, 0, 0, 0, 0, 0x10, 0x05, 0]),
  Buffer.from(`${A}${B}88b5`.replaceAll(':', ''), 'hex'),
  Buffer.alloc(46, 0x66),
]).toString('hex');

async function until(what: string, reached: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) {
    if (reached()) return;
    await setTimeout(20);
  }
  throw new Error(`in vain: ${what}`);
}

/** A hypervisor whose uplink is a veth to the other one, which is a namespace. */
class Site {
  readonly kernel: Kernel;
  readonly datapath: Datapath;
  readonly far: Namespace;
  readonly machine: Machine;
  /** Name of the uplink's device. */
  uplink: string;

  private constructor(kernel: Kernel, datapath: Datapath, far: Namespace, machine: Machine, uplink: string) {
    this.kernel = kernel;
    this.datapath = datapath;
    this.far = far;
    this.machine = machine;
    this.uplink = uplink;
  }

  static async build(t: ExecutionContext): Promise<Site> {
    const kernel = await Kernel.open(t);
    const far = new Namespace('far');
    t.teardown(() => far.remove());
    const uplink = uniqueName('und');
    makeWire(uplink, far, 'eth0');
    addAddresses(uplink, far, 'eth0');
    const datapath = await kernel.start('clsact');
    datapath.setLocalEncaps([{ type: 'vxlan', ip: HERE, csum: false }]);
    const a = await kernel.machine(A, '10.9.0.1/24');
    await kernel.plug({ a });
    await datapath.apply(
      all(
        switchIntent('s', 5),
        chassisIntent('hv2', ['vxlan', THERE]),
        portIntent('a', 's', 1, { local: true, chassis: 'hv1', addresses: [`${A} 10.9.0.1`] }),
        portIntent('b', 's', 2, { chassis: 'hv2', addresses: [`${B} 10.9.0.2`] }),
      ),
    );
    a.namespace.ip('neighbour', 'replace', '10.9.0.2', 'lladdr', B, 'dev', 'eth0');
    return new Site(kernel, datapath, far, a, uplink);
  }

  get row(): iov_tunnel {
    return this.kernel.read('iov_tunnels', (map) => iov_tunnelCodec.decode(map.lookup(u32(1))!));
  }

  get ifindex(): number | undefined {
    return this.kernel.netlink.linkByName(this.uplink)?.ifindex;
  }

  get problems(): string[] {
    return datapathProblems(this.datapath, 'hv1').map(({ message }) => message);
  }

  /** Devices that carry the program of uplinks, as the kernel says. */
  get carriers(): number[] {
    const { attachments } = this.datapath;
    return [...attachments.carriers('uplink', this.kernel.netlink.links.keys())];
  }

  /** Waits until the tunnel goes by the uplink, which alone carries the program; then packets pass both ways. */
  async isWell(t: ExecutionContext, what: string): Promise<void> {
    await until(`${what}: resolved by the uplink`, () => {
      const { flags, ifindex } = this.row;
      return (flags & flag.IOV_TUNNEL_RESOLVED) !== 0 && ifindex === this.ifindex;
    });
    await until(`${what}: the program`, () => this.carriers.join() === `${this.ifindex}`);
    await this.datapath.attachments.settled();
    t.deepEqual([...this.datapath.attachments.wanted('uplink')], [this.ifindex], what);
    const { far, datapath } = this;
    const sent = received(far, 'eth0');
    const got = datapath.counters.ofTunnel(1).rx_packets;
    await until(`${what}: out`, () => {
      udp(this.machine.namespace, '10.9.0.2', 9, '00'.repeat(100));
      return received(far, 'eth0') > sent;
    });
    await until(`${what}: in`, () => {
      udp(far, HERE, 4789, toA);
      return datapath.counters.ofTunnel(1).rx_packets > got;
    });
    t.deepEqual(this.problems, [], `${what}: no problem is left`);
  }

  /** Waits until the problems say so. */
  async complains(of: RegExp): Promise<void> {
    await until(`a problem: ${of}`, () => this.problems.some((text) => of.test(text)));
  }
}

/** A device here, and its other end in the namespace; both up. */
function makeWire(near: string, far: Namespace, there: string): void {
  sh('ip', 'link', 'add', near, 'type', 'veth', 'peer', there, 'netns', far.name);
  sh('ip', 'link', 'set', near, 'up');
  far.ip('link', 'set', there, 'up');
}

function addAddresses(near: string, far: Namespace, there: string): void {
  sh('ip', 'address', 'add', `${HERE}/24`, 'dev', near);
  far.ip('address', 'add', `${THERE}/24`, 'dev', there);
}

function udp(from: Namespace, to: string, port: number, hex: string): void {
  const script = `import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes.fromhex("${hex}"), ("${to}", ${port}))`;
  from.run('python3', '-c', script);
}

/** Packets that a device in a namespace has received. */
function received(far: Namespace, device: string): number {
  const [link] = JSON.parse(far.ip('-s', '-j', 'link', 'show', 'dev', device));
  return link.stats64.rx.packets;
}

test.serial('tunnels follow whatever becomes of the uplink', async (t) => {
  const site = await Site.build(t);
  const { far } = site;
  await site.isWell(t, 'at first');
  const first = site.uplink;

  sh('ip', 'link', 'set', site.uplink, 'address', '0a:00:00:00:0f:55');
  await until('the new MAC', () => formatMac(site.row.header.subarray(6, 12)) === '0a:00:00:00:0f:55');
  await site.isWell(t, 'another MAC');

  sh('ip', 'link', 'set', site.uplink, 'mtu', '1300');
  await until('the new MTU', () => site.row.mtu === 1300);
  await site.isWell(t, 'another MTU');

  sh('ip', 'link', 'set', site.uplink, 'down');
  await site.complains(/no route to the tunnel address of chassis hv2/);
  sh('ip', 'link', 'set', site.uplink, 'up');
  await site.isWell(t, 'down and up');

  sh('ip', 'link', 'set', site.uplink, 'down');
  site.uplink = uniqueName('new');
  sh('ip', 'link', 'set', first, 'name', site.uplink);
  sh('ip', 'link', 'set', site.uplink, 'up');
  await until('the new name', () => site.ifindex !== undefined);
  await site.isWell(t, 'another name');

  const old = site.ifindex!;
  sh('ip', 'link', 'del', site.uplink);
  await site.complains(/no device has the tunnel address 198\.51\.100\.1/);
  await until('the program is gone with its device', () => site.carriers.length === 0);
  makeWire(site.uplink, far, 'eth0');
  addAddresses(site.uplink, far, 'eth0');
  await until('the new device', () => (site.ifindex ?? old) !== old);
  await site.isWell(t, 'deleted and made again');

  const away = new Namespace('away');
  t.teardown(() => away.remove());
  sh('ip', 'link', 'set', site.uplink, 'netns', away.name);
  await site.complains(/no device has the tunnel address/);
  t.deepEqual([...site.datapath.attachments.list('uplink')], []);
  await site.datapath.attachments.settled();
  t.is(away.run('tc', 'filter', 'show', 'dev', site.uplink, 'ingress'), '', 'no filter is left on it');
  away.ip('link', 'set', site.uplink, 'netns', String(process.pid));
  sh('ip', 'link', 'set', site.uplink, 'up');
  sh('ip', 'address', 'add', `${HERE}/24`, 'dev', site.uplink);
  await until('the device is back', () => site.ifindex !== undefined);
  await site.isWell(t, 'in another namespace and back');

  const other = uniqueName('und');
  sh('ip', 'address', 'del', `${HERE}/24`, 'dev', site.uplink);
  await site.complains(/no device has the tunnel address/);
  far.ip('link', 'set', 'eth0', 'down');
  far.ip('link', 'set', 'eth0', 'name', 'old');
  far.ip('address', 'flush', 'dev', 'old');
  makeWire(other, far, 'eth0');
  addAddresses(other, far, 'eth0');
  site.uplink = other;
  await until('the other device', () => site.ifindex !== undefined);
  await site.isWell(t, 'the address is on another device');
  sh('ip', 'link', 'del', other);
});
