import test from 'ava';
import { iov_port_flag as flag, iov_drop, iov_dest_kind as kind } from '../gen/abi.js';
import { arp, Capture, encapsulated, ether, Lab, type Outer, vethPair } from '../testing/index.js';

const ALL = 'ff:ff:ff:ff:ff:ff';
const [VM, LOCAL, FAR, OUTSIDE, EXTERNAL] = [1, 2, 3, 4, 5].map((n) => `02:00:00:00:00:0${n}`) as [
  string,
  string,
  string,
  string,
  string,
];

const lab = new Lab();
const under = vethPair();
lab.addSwitch(1, { key: 5, flood: 0x8000, unknown: 0x8001 });
const vm = lab.addPort({ addresses: [`${VM} 10.0.0.1`] });
const local = lab.addPort({ addresses: [`${LOCAL} 10.0.0.2`], set: flag.IOV_PORT_LOCALPORT });
const localnet = lab.addPort({ set: flag.IOV_PORT_LOCALNET });
const here: Outer = {
  type: 'geneve',
  srcMac: '02:00:00:00:01:01',
  dstMac: '02:00:00:00:01:02',
  src: '192.0.2.1',
  dst: '192.0.2.2',
};
lab.addTunnel(1, under.ifindex, here);
lab.addMac(1, FAR, { kind: kind.IOV_DEST_REMOTE, index: 1, egress_key: 9 });
lab.addMac(1, OUTSIDE, { kind: kind.IOV_DEST_LOCAL, index: localnet.number, egress_key: localnet.key });
lab.addMac(1, EXTERNAL, { kind: kind.IOV_DEST_EXTERNAL, index: localnet.number, egress_key: 50 });
lab.addGroup(1, 0x8000, { local: [vm, local, localnet].map(({ number }) => number), remote: [1] });
lab.addGroup(1, 0x8001, { local: [localnet.number] });
for (const { key, number } of [vm, local])
  lab.addTunnelDest(5, key, { kind: kind.IOV_DEST_LOCAL, index: number, egress_key: key });
lab.addTunnelDest(5, 0x8000, { kind: kind.IOV_DEST_GROUP, index: 1, egress_key: 0x8000 });
const [atVm, atLocal, atNet, wire] = [vm, local, localnet, under].map((d) => new Capture(d.peerIfindex)) as [
  Capture,
  Capture,
  Capture,
  Capture,
];
test.after.always(() => lab.close());
const heard = () => [atVm, atLocal, atNet, wire].map((capture) => capture.waiting().length);

const frame = (src: string, dst: string) => ether({ src, dst, type: 0x88b5 });
const arriving = (egress: number, inner: Buffer) =>
  encapsulated({ ...here, src: here.dst, dst: here.src, vni: 5, ingress: 9, egress, sport: 50000 }, inner);

test.serial('a localport and the machines of its chassis talk to each other', (t) => {
  t.like(lab.run(frame(LOCAL, VM), local), { action: 'redirect', port: vm.number });
  t.like(lab.run(frame(VM, LOCAL), vm), { action: 'redirect', port: local.number });
  t.is(
    lab.run(
      ether({ src: VM, dst: ALL, type: 0x0806 }, arp({ sha: VM, spa: '10.0.0.1', tpa: '10.0.0.2' })),
      vm,
    ).port,
    vm.number,
  );
});

test.serial('from the physical network it can be reached, as in OVN', (t) => {
  t.like(lab.run(frame(OUTSIDE, LOCAL), localnet), { action: 'redirect', port: local.number });
});

test.serial('a localport sends into no tunnel', (t) => {
  t.like(lab.run(frame(LOCAL, FAR), local), { action: 'drop', reason: 'localport' });
  t.is(lab.portDrops(local, iov_drop.IOV_DROP_LOCALPORT), 1n);
  t.like(lab.run(frame(VM, FAR), vm), { action: 'redirect', tunnel: 1 });
});

test.serial('a localport sends to no localnet port', (t) => {
  t.like(lab.run(frame(LOCAL, OUTSIDE), local), { action: 'drop', reason: 'localport' });
  t.is(lab.portDrops(localnet, iov_drop.IOV_DROP_LOCALPORT), 1n);
  t.like(lab.run(frame(VM, OUTSIDE), vm), { action: 'redirect', port: localnet.number });
});

test.serial('but for the external ports that the chassis serves', (t) => {
  t.like(lab.run(frame(LOCAL, EXTERNAL), local), { action: 'redirect', port: localnet.number });
  t.like(lab.run(frame(VM, EXTERNAL), vm), { action: 'redirect', port: localnet.number });
  t.like(lab.run(frame(OUTSIDE, EXTERNAL), localnet), { action: 'drop', reason: 'same_port' });
});

test.serial(
  'a broadcast of a localport reaches the machines of its chassis, and nothing is counted as dropped',
  (t) => {
    heard();
    t.like(lab.run(frame(LOCAL, ALL), local), { action: 'flood', scratch: { copies: 1, drop: 0 } });
    t.deepEqual(heard(), [1, 0, 0, 0]);
    t.like(lab.run(frame(VM, ALL), vm), { action: 'flood', scratch: { copies: 3 } });
    t.deepEqual(heard(), [0, 1, 1, 1]);
  },
);

test.serial('unknown unicast of a localport does not reach the physical network', (t) => {
  t.like(lab.run(frame(LOCAL, '02:00:00:00:00:77'), local), { action: 'drop', reason: 'empty_group' });
  t.deepEqual(heard(), [0, 0, 0, 0]);
  t.is(lab.run(frame(VM, '02:00:00:00:00:77'), vm).action, 'flood');
  t.deepEqual(heard(), [0, 0, 1, 0]);
});

test.serial('a localport on several chassis is none: a group of chassis is not left either', (t) => {
  lab.addMac(1, '02:00:00:00:00:0a', { kind: kind.IOV_DEST_GROUP, index: 1, egress_key: 40 });
  lab.addGroup(1, 40, { local: [vm.number], remote: [1] });
  t.like(lab.run(frame(LOCAL, '02:00:00:00:00:0a'), local), { action: 'flood', scratch: { copies: 1 } });
  t.deepEqual(heard(), [1, 0, 0, 0]);
});

test.serial('out of a tunnel no localport is reached, by its key or by a flood', (t) => {
  t.like(lab.run(arriving(local.key, frame(FAR, LOCAL)), 'uplink'), { action: 'drop', reason: 'localport' });
  t.is(lab.portDrops(local, iov_drop.IOV_DROP_LOCALPORT), 2n);
  heard();
  t.like(lab.run(arriving(0x8000, frame(FAR, ALL)), 'uplink'), {
    action: 'flood',
    scratch: { copies: 2, drop: 0 },
  });
  t.deepEqual(heard(), [1, 0, 1, 0]);
});
