import test from 'ava';
import type { NetworkSpec } from './network.js';
import { expectation } from './oracle.js';
import { microflow, type Packet } from './packet.js';
import { Random } from './random.js';
import { readTrace } from './traceVerdict.js';

const network: NetworkSpec = {
  switches: [
    {
      name: 's',
      otherConfig: {},
      ports: [
        { name: 'a', addresses: [], portSecurity: [], hv: 1 },
        { name: 'b', addresses: [], portSecurity: ['02:00:00:00:00:0b 10.0.0.11/24 fd00::b'], hv: 2 },
        { name: 'c', addresses: [], portSecurity: ['garbage'], hv: 1 },
        { name: 'd', addresses: [], portSecurity: [], hv: 0 },
      ],
    },
  ],
};

const toB = (dst: string, from = 'a', src = '02:00:00:00:00:0a'): Packet => ({
  from,
  src,
  dst: '02:00:00:00:00:0b',
  body: {
    kind: 'ip4',
    src: '10.0.0.11',
    dst,
    ttl: 64,
    options: false,
    l4: { kind: 'udp', sport: 68, dport: 67 },
  },
});
const judge = (packet: Packet, trace: string) => expectation(network, packet, readTrace(trace));

test.serial('port security of the receiver is applied to what ovn-trace lets through', (t) => {
  const trace = '# udp\noutput("b");\noutput("d");\n';
  t.deepEqual(judge(toB('10.0.0.11'), trace).receipts, ['b: unchanged']);
  t.deepEqual(judge(toB('10.0.0.255'), trace).receipts, ['b: unchanged'], 'broadcast of the subnet');
  t.deepEqual(judge(toB('10.0.0.12'), trace).receipts, []);
});

test.serial('port security of the sender comes first, and deviations are named', (t) => {
  const trace = 'output("a");';
  t.deepEqual(judge(toB('10.0.0.1', 'b', '02:00:00:00:00:0b'), trace).receipts, ['a: unchanged']);
  t.deepEqual(judge(toB('10.0.0.1', 'b', '02:00:00:00:00:0c'), trace).receipts, []);
  t.deepEqual(judge(toB('10.0.0.1', 'c'), trace), { receipts: [], because: ['garbageOnly'] });
});

test.serial('an answer is read field by field', (t) => {
  const packet: Packet = {
    from: 'a',
    src: '02:00:00:00:00:0a',
    dst: 'ff:ff:ff:ff:ff:ff',
    body: {
      kind: 'arp',
      op: 1,
      sha: '02:00:00:00:00:0a',
      spa: '10.0.0.10',
      tha: '00:00:00:00:00:00',
      tpa: '10.0.0.11',
      ethernet: true,
    },
  };
  const trace = [
    'eth.dst = 02:00:00:00:00:0a;',
    'eth.src = 02:00:00:00:00:0b;',
    'arp.op = 2;',
    'arp.tha = 02:00:00:00:00:0a;',
    'arp.sha = 02:00:00:00:00:0b;',
    'arp.tpa = 10.0.0.10;',
    'arp.spa = 10.0.0.11;',
    'output("a");',
  ].join('\n');
  const answer = '02000000000b > 02000000000a, 02000000000b has 0a00000b, to 02000000000a 0a00000a';
  t.deepEqual(judge(packet, trace).receipts, [`a: ARP reply ${answer}`]);
  t.throws(() => readTrace('*** unknown port'), { message: /not understood/ });
  t.regex(microflow(packet, 'n1'), /^inport == "n1a" .* arp\.tpa == 10\.0\.0\.11$/);
});

test.serial('a seed gives the same numbers, another one others', (t) => {
  const draw = (...seed: number[]) => {
    const random = new Random(...seed);
    return Array.from({ length: 20 }, () => random.int(1000)).join();
  };
  t.is(draw(1, 2), draw(1, 2));
  t.not(draw(1, 2), draw(2, 1));
  t.not(draw(1, 2), draw(1, 3));
});
