import test from 'ava';
import { parseMicroflow } from '../microflow/microflow.js';
import { buildFrame, wantedNeighbour } from './build-frame.js';
import { FrameError } from './frame-error.js';
import type { Sender } from './sender.js';

const mac = (text: string) => Buffer.from(text.replaceAll(':', ''), 'hex');
const neighbour = mac('0a:00:00:00:00:02');
const sender: Sender = {
  port: 'vm1',
  addresses: [
    { mac: mac('0a:00:00:00:00:01'), ips: [Buffer.from([10, 0, 0, 1]), mac(`fd00${'0'.repeat(27)}1`)] },
    { mac: mac('0a:00:00:00:00:11'), ips: [Buffer.from([10, 0, 0, 11])] },
  ],
};

/** Made with scapy 2.6. */
const frames = {
  echo: '0a00000000020a000000000108004500003c00010000400166be0a0000010a0000020800f7fd000100010000000000000000000000000000000000000000000000000000000000000000',
  unreach:
    '0a00000000020a0000000001080045b9003c000100000301a2fd0a0000090a0000020301fcfe000000000000000000000000000000000000000000000000000000000000000000000000',
  udp: '0a00000000020a000000000108004500003c00010000401166ae0a0000010a00000203e800350028e77e0000000000000000000000000000000000000000000000000000000000000000',
  udpvlan:
    '0a00000000020a00000000018100a06408004500003c00010000401166ae0a0000010a000002c000000900282b920000000000000000000000000000000000000000000000000000000000000000',
  tcp: '0a00000000020a000000000108004500004800010000400666ad0a0000010a000002c0000050000000000000000050022000bb6f00000000000000000000000000000000000000000000000000000000000000000000',
  tcp6: '0a00000000020a000000000186dd6000000000340640fd000000000000000000000000000001fd000000000000000000000000000002c00001bb000000000000000050122000d3f200000000000000000000000000000000000000000000000000000000000000000000',
  sctp: '0a00000000020a000000000108004500004000010000408466370a0000010a0000020001000200000000dcab4f8c0000000000000000000000000000000000000000000000000000000000000000',
  echo6:
    '0a00000000020a000000000186dd6000000000283a40fd000000000000000000000000000001fd00000000000000000000000000000280008596000100010000000000000000000000000000000000000000000000000000000000000000',
  arp: 'ffffffffffff0a0000000001080600010800060400010a00000000010a0000010000000000000a000002',
  arpreply: '0a00000000020a0000000001080600010800060400020a00000000010a0000010a00000000020a000002',
  rarp: 'ffffffffffff0a0000000001803500010800060400030a0000000001000000000a000000000100000000',
  ns: '3333ff0000020a000000000186dd6000000000203afffd000000000000000000000000000001ff0200000000000000000001ff0000028700759700000000fd00000000000000000000000000000201010a0000000001',
  dad: '3333ff0000010a000000000186dd6000000000183aff00000000000000000000000000000000ff0200000000000000000001ff00000187007da500000000fd000000000000000000000000000001',
  na: '0a00000000020a000000000186dd6000000000203afffd000000000000000000000000000001fd0000000000000000000000000000028800149c60000000fd00000000000000000000000000000102010a0000000001',
  rs: '3333000000020a000000000186dd6000000000103afffd000000000000000000000000000001ff020000000000000000000000000002850073ac0000000001010a0000000001',
  mcast:
    '01005e0102030a000000000108004500003c0001000040117fab0a000001ef010203c00000090028448f0000000000000000000000000000000000000000000000000000000000000000',
  igmp: '01005e0102030a000000000108004500001c000100000102beda0a000001ef0102031600f8faef010203',
  frag: '0a00000000020a000000000108004500003c00012000401146ae0a0000010a000002c000000900282b920000000000000000000000000000000000000000000000000000000000000000',
  later:
    '0a00000000020a000000000108004500003c000100b9401165f50a0000010a00000200000000000000000000000000000000000000000000000000000000000000000000000000000000',
  frag6:
    '0a00000000020a000000000186dd6000000000302c40fd000000000000000000000000000001fd0000000000000000000000000000021100000100000001c0000009002845900000000000000000000000000000000000000000000000000000000000000000',
  dhcp: 'ffffffffffff0a000000000108004500003c0001000040117ab100000000ffffffff004400430028ff170000000000000000000000000000000000000000000000000000000000000000',
  raw: '0a00000000020a000000000188b50000000000000000000000000000000000000000000000000000000000000000',
};

const cases: [expression: string, frame: string][] = [
  ['ip4.dst==10.0.0.2', frames.echo],
  ['icmp4 && ip4.dst==10.0.0.2 && eth.dst==0a:00:00:00:00:02', frames.echo],
  [
    'icmp4.type==3 && icmp4.code==1 && ip4.src==10.0.0.9 && ip4.dst==10.0.0.2 && ip.ttl==3 && ip.dscp==46 && ip.ecn==1',
    frames.unreach,
  ],
  ['udp.src==1000 && udp.dst==53 && ip4.dst==10.0.0.2', frames.udp],
  ['udp && ip4.dst==10.0.0.2 && vlan.vid==100 && vlan.pcp==5', frames.udpvlan],
  ['tcp.dst==80 && ip4.dst==10.0.0.2', frames.tcp],
  ['tcp.dst==443 && tcp.flags==0x12 && ip6.dst==fd00::2', frames.tcp6],
  ['sctp.src==1 && sctp.dst==2 && ip4.dst==10.0.0.2', frames.sctp],
  ['ip6.dst==fd00::2', frames.echo6],
  ['arp.tpa==10.0.0.2', frames.arp],
  ['arp.op==2 && arp.tha==0a:00:00:00:00:02 && arp.tpa==10.0.0.2', frames.arpreply],
  ['arp.op==2 && eth.dst==0a:00:00:00:00:02 && arp.tpa==10.0.0.2', frames.arpreply],
  ['rarp', frames.rarp],
  ['nd_ns && nd.target==fd00::2', frames.ns],
  ['nd_ns && nd.target==fd00::1 && ip6.src==::', frames.dad],
  ['nd_na && ip6.dst==fd00::2', frames.na],
  ['nd_rs', frames.rs],
  ['udp && ip4.dst==239.1.2.3', frames.mcast],
  ['udp && ip4.mcast && ip4.dst==239.1.2.3', frames.mcast],
  ['igmp && ip4.dst==239.1.2.3', frames.igmp],
  ['udp && ip4.dst==10.0.0.2 && ip.first_frag', frames.frag],
  ['udp && ip4.dst==10.0.0.2 && ip.later_frag', frames.later],
  ['udp && ip6.dst==fd00::2 && ip.first_frag', frames.frag6],
  ['udp.src==68 && udp.dst==67 && ip4.src==0.0.0.0 && eth.bcast && ip4', frames.dhcp],
  ['eth.dst==0a:00:00:00:00:02', frames.raw],
];

for (const [expression, frame] of cases) {
  test(`frame of ${expression}`, (t) => {
    const flow = parseMicroflow(expression);
    const from = wantedNeighbour(flow) ? { ...sender, neighbour } : sender;
    t.is(buildFrame(flow, from).toString('hex'), frame);
  });
}

test('the address that goes with the source MAC', (t) => {
  const frame = buildFrame(parseMicroflow('eth.src==0a:00:00:00:00:11 && arp.tpa==10.0.0.2'), sender);
  t.is(frame.toString('hex', 22, 32), '0a0000000011' + '0a00000b');
});

test('sizes', (t) => {
  const sized = (expression: string, size: number) =>
    buildFrame(parseMicroflow(expression), { ...sender, neighbour }, size);
  for (const size of [42, 43, 60, 74, 1514, 9000]) {
    const frame = sized('icmp4 && ip4.dst==10.0.0.2', size);
    t.is(frame.length, size);
    t.is(frame.readUInt16BE(16), size - 14, 'the packet fills the frame');
  }
  t.is(sized('arp.tpa==10.0.0.2', 60).length, 60, 'padding');
  const tooLong = { instanceOf: FrameError };
  t.throws(() => sized('icmp4 && ip4.dst==10.0.0.2', 9001), tooLong);
  t.throws(() => sized('icmp4 && ip4.dst==10.0.0.2', 41), tooLong);
});

for (const [expression, message] of [
  ['ip4', /ip4\.dst == …/],
  ['ip6', /ip6\.dst == …/],
  ['arp', /arp\.tpa == …/],
  ['nd_ns', /nd\.target == …/],
  ['arp.op == 2 && arp.tpa == 10.0.0.2', /arp\.tha == …/],
  ['eth.type == 0x1234', /eth\.dst == …/],
  ['ip4.dst == 10.0.0.77', /no port .* eth\.dst == …/],
] as const) {
  test(`${expression} lacks something`, (t) => {
    t.throws(() => buildFrame(parseMicroflow(expression), sender), { instanceOf: FrameError, message });
  });
}

test('a port without addresses', (t) => {
  const from = { port: 'vm1', addresses: [] };
  const build = (text: string) => buildFrame(parseMicroflow(text), from);
  t.throws(() => build('eth.dst == 0a:00:00:00:00:02'), { message: /vm1 has no MAC.*eth\.src/ });
  t.throws(() => build('eth.src == 0a:00:00:00:00:01 && ip4.dst == 10.0.0.2'), { message: /IPv4.*ip4\.src/ });
  t.throws(() => build('eth.src == 0a:00:00:00:00:01 && arp.tpa == 10.0.0.2'), { message: /arp\.spa/ });
  const frame = build('eth.src == 0a:00:00:00:00:01 && eth.dst == 0a:00:00:00:00:02 && ip6.dst == ff02::1');
  t.is(frame.toString('hex', 22, 38), 'fe80000000000000080000fffe000001', 'EUI-64');
});
