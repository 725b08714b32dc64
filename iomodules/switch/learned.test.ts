import test from 'ava';
import { iov_port_flag as flag, iov_dest_kind as kind } from '../gen/abi.js';
import {
  arp,
  Capture,
  encapsulated,
  ether,
  ipv4,
  Lab,
  nd,
  type Outer,
  udp,
  vethPair,
} from '../testing/index.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';
const SOME = '02:00:00:00:00:77';
const ALL = 'ff:ff:ff:ff:ff:ff';

const lab = new Lab();
const under = vethPair();
const wire = new Capture(under.peerIfindex);
const outer = (n: number): Outer => ({
  type: 'geneve',
  srcMac: '02:00:00:00:01:01',
  dstMac: '02:00:00:00:01:02',
  src: '192.0.2.1',
  dst: `192.0.2.${n}`,
});
lab.addTunnel(2, under.ifindex, outer(2));
lab.addTunnel(3, under.ifindex, outer(3));
lab.addSwitch(1, { key: 5, flood: 0x8000, unknown: 0x8001 });
const a = lab.addPort({ addresses: [`${A} 10.0.0.1 fd00::1`] });
const b = lab.addPort({ addresses: [`${B} 10.0.0.2 fd00::2`] });
const c = lab.addPort();
lab.addGroup(1, 0x8000, { local: [a.number, b.number, c.number] });
lab.addGroup(1, 0x8001, { local: [c.number] });
test.after.always(() => lab.close());
test.beforeEach(() => {
  lab.maps.iov_learned.clear();
  wire.waiting();
});

const to = (dst: string) =>
  ether({ src: A, dst, type: 0x0800 }, ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17 }, udp(1, 2)));

test.serial('a learned MAC goes to its port', (t) => {
  t.is(lab.run(to(SOME), a).action, 'flood');
  lab.addLearned(1, SOME, { kind: kind.IOV_DEST_LOCAL, index: b.number, egress_key: b.key });
  t.like(lab.run(to(SOME), a), { action: 'redirect', port: b.number });
});

test.serial('a learned MAC goes to its chassis', (t) => {
  lab.addLearned(1, SOME, { kind: kind.IOV_DEST_REMOTE, index: 2, egress_key: 9 });
  t.like(lab.run(to(SOME), a), { action: 'redirect', tunnel: 2 });
});

test.serial('a MAC that Northbound lists is not looked for among the learned ones', (t) => {
  lab.addLearned(1, B, { kind: kind.IOV_DEST_REMOTE, index: 2, egress_key: 9 });
  t.like(lab.run(to(B), a), { action: 'redirect', port: b.number });
});

test.serial('a MAC learned in another switch is unknown', (t) => {
  lab.addLearned(2, SOME, { kind: kind.IOV_DEST_LOCAL, index: b.number, egress_key: b.key });
  t.is(lab.run(to(SOME), a).action, 'flood');
});

test.serial('a frame to a MAC learned behind its own port does not come back', (t) => {
  lab.addLearned(1, SOME, { kind: kind.IOV_DEST_LOCAL, index: a.number, egress_key: a.key });
  t.like(lab.run(to(SOME), a), { action: 'drop', reason: 'same_port' });
});

test.serial('a MAC learned behind a port that is bound nowhere', (t) => {
  lab.addLearned(1, SOME, { kind: kind.IOV_DEST_UNBOUND, egress_key: 9 });
  t.like(lab.run(to(SOME), a), { action: 'drop', reason: 'destination_unbound' });
});

// A port on several chassis: here and on two others. Its key names the group of those it is on.
const MIGRANT = '02:00:00:00:00:0a';
const migrant = lab.addPort({ key: 40, security: [`${MIGRANT} 10.0.0.10`] });
const ear = new Capture(migrant.peerIfindex);
const toGroup = { kind: kind.IOV_DEST_GROUP, index: 1, egress_key: 40 };
const toMigrant = (dst = '10.0.0.10') =>
  ether({ src: A, dst: MIGRANT, type: 0x0800 }, ipv4({ src: '10.0.0.1', dst, proto: 17 }, udp(1, 2)));

for (const where of ['addMac', 'addLearned'] as const) {
  test.serial(`a port on several chassis gets unicast on all of them (${where})`, (t) => {
    lab.maps.iov_fdb.clear();
    lab.bumpEpoch(1);
    lab[where](1, MIGRANT, toGroup);
    lab.addGroup(1, 40, { local: [migrant.number], remote: [2, 3] });
    t.like(lab.run(toMigrant(), a), { action: 'flood', scratch: { copies: 3, egress_key: 40 } });
    t.deepEqual(ear.waiting(), [toMigrant()]);
    const heard = wire.waiting();
    const keys = { vni: 5, ingress: a.key, egress: 40, sport: heard[0]?.readUInt16BE(34) };
    t.deepEqual(
      heard,
      [2, 3].map((n) => encapsulated({ ...outer(n), ...keys }, toMigrant())),
      'to the key of the port, so that the other chassis finds a port and no group',
    );
  });
}

test.serial('its port security holds here; the others see to theirs', (t) => {
  lab.addMac(1, MIGRANT, toGroup);
  t.like(lab.run(toMigrant('10.0.0.99'), a), {
    action: 'flood',
    reason: 'portsec_out_ip4',
    scratch: { copies: 2 },
  });
  t.deepEqual(ear.waiting(), []);
});

test.serial('what it asks for it is told on all of them', (t) => {
  const asking = { src: MIGRANT, dst: 'ff:ff:ff:ff:ff:ff', type: 0x0806 };
  lab.addGroup(1, 40, { local: [migrant.number], remote: [2, 3] });
  lab.addNeighbour(1, '10.0.0.1', A, a.key);
  lab.setPort(migrant, { set: flag.IOV_PORT_SEVERAL });
  const ask = ether(asking, arp({ sha: MIGRANT, spa: '10.0.0.10', tpa: '10.0.0.1' }));
  const answer = ether(
    { src: A, dst: MIGRANT, type: 0x0806 },
    arp({ op: 2, sha: A, spa: '10.0.0.1', tha: MIGRANT, tpa: '10.0.0.10' }),
  );
  t.like(lab.run(ask, migrant), { action: 'flood', scratch: { copies: 3 } });
  t.deepEqual(ear.waiting(), [answer]);
  const heard = wire.waiting();
  const keys = { vni: 5, ingress: migrant.key, egress: 40, sport: heard[0]?.readUInt16BE(34) };
  t.deepEqual(
    heard,
    [2, 3].map((n) => encapsulated({ ...outer(n), ...keys }, answer)),
  );
});

test.serial('out of a tunnel its key leads to the local port alone', (t) => {
  lab.addTunnelDest(5, 40, { kind: kind.IOV_DEST_LOCAL, index: migrant.number, egress_key: 40 });
  const back = {
    ...outer(2),
    src: '192.0.2.2',
    dst: '192.0.2.1',
    vni: 5,
    ingress: 1,
    egress: 40,
    sport: 50000,
  };
  t.like(lab.run(encapsulated(back, toMigrant()), 'uplink'), { action: 'redirect', port: migrant.number });
  t.deepEqual(wire.waiting(), []);
});

test.serial('a port on several chassis, none of them this one', (t) => {
  lab.addMac(1, MIGRANT, toGroup);
  lab.addGroup(1, 40, { local: [], remote: [2, 3] });
  t.like(lab.run(toMigrant(), a), { action: 'flood', scratch: { copies: 2 } });
  lab.addGroup(1, 40, {});
  t.like(lab.run(toMigrant(), a), { action: 'drop', reason: 'empty_group' });
});

// From the physical network nobody is answered in the name of others: each chassis hears the question.
const { IOV_PORT_LOCALNET, IOV_PORT_L2GATEWAY } = flag;
const request = ether(
  { src: SOME, dst: ALL, type: 0x0806 },
  arp({ sha: SOME, spa: '10.0.0.7', tpa: '10.0.0.2' }),
);
const asked: [string, Buffer, 'flood' | 'redirect'][] = [
  ['an ARP request', request, 'flood'],
  [
    'an ARP request in a unicast frame',
    Buffer.concat([Buffer.from('020000000002', 'hex'), request.subarray(6)]),
    'redirect',
  ],
  [
    'a neighbour solicitation',
    ether(
      { src: SOME, dst: '33:33:ff:00:00:02', type: 0x86dd },
      nd({ type: 135, src: 'fd00::7', dst: 'ff02::1:ff00:2', target: 'fd00::2' }),
    ),
    'flood',
  ],
];
for (const [what, frame, action] of asked) {
  test.serial(
    `${what} from a localnet port goes to its owner, from an l2gateway port it is answered`,
    (t) => {
      lab.addMac(1, B, { kind: kind.IOV_DEST_LOCAL, index: b.number, egress_key: b.key });
      const localnet = lab.addPort({ set: IOV_PORT_LOCALNET });
      const verdict = lab.run(frame, localnet);
      t.is(verdict.action, action);
      t.deepEqual(verdict.packetOut, frame);
      if (action === 'redirect') t.is(verdict.port, b.number);
      const gateway = lab.addPort({ set: IOV_PORT_L2GATEWAY });
      t.like(lab.run(frame, gateway), { action: 'redirect', port: gateway.number });
    },
  );
}
