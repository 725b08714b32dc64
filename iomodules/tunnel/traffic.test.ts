import { TcFilter } from '@iovisor-ovn/libbpf';
import test from 'ava';
import { iov_port_flag, iov_tunnel_flag, iov_dest_kind as kind } from '../gen/abi.js';
import {
  Capture,
  ether,
  ip,
  ipv4,
  Lab,
  Machine,
  type Outer,
  transfer,
  udp,
  vethPair,
} from '../testing/index.js';

const chassis = (own: 1 | 2, type: Outer['type'], underlay: 4 | 6 = 4): Outer => ({
  type,
  srcMac: `02:00:00:00:01:0${own}`,
  dstMac: `02:00:00:00:01:0${3 - own}`,
  src: `${underlay === 4 ? '192.0.2.' : '2001:db8::'}${own}`,
  dst: `${underlay === 4 ? '192.0.2.' : '2001:db8::'}${3 - own}`,
});
const macOf = (machine: number) => `02:00:00:00:00:0${machine}`;
const addressesOf = (machine: number) => `${macOf(machine)} 10.0.0.${machine} fd00::${machine}`;

function attach(lab: Lab, device: { ifindex: number }, program: 'entry' | 'uplink'): void {
  const place = { ifindex: device.ifindex, direction: 'ingress', priority: 1, handle: 1 } as const;
  TcFilter.attach({ ...place, program: lab.modules[program] });
}

/** Chassis `own` of two, with one machine of a switch that both share. */
function build(
  own: 1 | 2,
  type: Outer['type'],
  underlay: number,
  set: number,
  family: 4 | 6,
): { lab: Lab; machine: Machine } {
  const other = own === 1 ? 2 : 1;
  const lab = new Lab();
  lab.addSwitch(1, { key: 5, flood: 0x8000 });
  const port = lab.addPort({
    key: own,
    addresses: [addressesOf(own)],
    security: [addressesOf(own)],
    set,
  });
  lab.addTunnel(1, underlay, chassis(own, type, family), { mtu: 1600, set: iov_tunnel_flag.IOV_TUNNEL_CSUM });
  lab.addMac(1, macOf(other), { kind: kind.IOV_DEST_REMOTE, index: 1, egress_key: other });
  lab.addNeighbour(1, `fd00::${other}`, macOf(other), other);
  lab.addGroup(1, 0x8000, { local: [port.number], remote: [1] });
  lab.addTunnelDest(5, own, { kind: kind.IOV_DEST_LOCAL, index: port.number, egress_key: own });
  lab.addTunnelDest(5, 0x8000, { kind: kind.IOV_DEST_GROUP, index: 1, egress_key: 0x8000 });
  attach(lab, port, 'entry');
  attach(lab, { ifindex: underlay }, 'uplink');
  const machine = new Machine(port.peer, macOf(own), [`10.0.0.${own}/24`, `fd00::${own}/64`]);
  return { lab, machine };
}

for (const [type, set, family] of [
  ['vxlan', iov_port_flag.IOV_PORT_PEER, 4],
  ['vxlan', 0, 4],
  ['geneve', iov_port_flag.IOV_PORT_PEER, 4],
  ['vxlan', iov_port_flag.IOV_PORT_PEER, 6],
  ['geneve', 0, 6],
] as const) {
  const how = `${set ? 'redirect_peer' : 'redirect'}${family === 6 ? ', IPv6' : ''}`;
  test.serial(
    `two chassis over ${type}, ${how}: ARP by flooding, ping, ping6, and TCP with GSO both ways`,
    async (t) => {
      const underlay = vethPair();
      for (const device of [underlay.name, underlay.peer]) ip('link', 'set', 'dev', device, 'mtu', '1600');
      const [one, two] = [
        build(1, type, underlay.ifindex, set, family),
        build(2, type, underlay.peerIfindex, set, family),
      ];
      t.teardown(() => {
        for (const { lab, machine } of [one, two]) {
          machine.close();
          lab.close();
        }
      });
      t.regex(one.machine.run('ping', '-c3', '-i0.05', '-W2', '10.0.0.2'), / 0% packet loss/);
      t.regex(two.machine.run('ping', '-6', '-c3', '-i0.05', '-W2', 'fd00::1'), / 0% packet loss/);

      const bytes = 20_000_000;
      for (const [from, to, host] of [
        [one, two, '10.0.0.2'],
        [two, one, '10.0.0.1'],
        [one, two, 'fd00::2'],
        [two, one, 'fd00::1'],
      ] as const) {
        const before = from.lab.tunnelCounters(1);
        t.is(await transfer(from.machine, to.machine, host, bytes), bytes, `${host} has all of it`);
        const after = from.lab.tunnelCounters(1);
        const average =
          Number(after.tx_bytes - before.tx_bytes) / Number(after.tx_packets - before.tx_packets);
        t.true(average > 3000, `GSO packets stayed whole: ${average} bytes on average`);
      }
    },
  );
}

test.serial('without the next hop the kernel looks it up', async (t) => {
  const underlay = vethPair();
  ip('addr', 'add', '198.51.100.1/24', 'dev', underlay.name);
  const other = new Machine(underlay.peer, '02:00:00:00:01:02', ['198.51.100.2/24']);
  const lab = new Lab();
  t.teardown(() => {
    other.close();
    lab.close();
  });
  lab.addSwitch(1, { key: 5 });
  const port = lab.addPort({ key: 1 });
  const outer = { ...chassis(1, 'vxlan'), src: '198.51.100.1', dst: '198.51.100.2' };
  lab.addTunnel(1, underlay.ifindex, outer, { clear: iov_tunnel_flag.IOV_TUNNEL_RESOLVED });
  lab.addMac(1, macOf(2), { kind: kind.IOV_DEST_REMOTE, index: 1, egress_key: 2 });
  attach(lab, port, 'entry');
  const receiver = other.start(`
    const socket = require('dgram').createSocket('udp4', (data) => { console.log(data.toString('hex')); socket.close(); });
    socket.bind(4789, () => console.log('ready'));`);
  t.is((await receiver.next()).value, 'ready');
  const frame = ether(
    { src: macOf(1), dst: macOf(2), type: 0x0800 },
    ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17 }, udp(1, 2)),
  );
  const machine = new Capture(port.peerIfindex);
  machine.send(frame);
  const vxlan = Buffer.from([8, 0, 0, 0, 0, 0x20, 0x05, 0]);
  t.is((await receiver.next()).value, Buffer.concat([vxlan, frame]).toString('hex'));
});
