import test from 'ava';
import { ExpressionError } from './expression-error.js';
import { parseMicroflow } from './microflow.js';
import { fieldWidths, predicates, symbols } from './symbols.js';

/** "field=value" or "field=value/mask" in hexadecimal, sorted. */
function read(text: string): string {
  const { fields, inport } = parseMicroflow(text);
  const said = [...fields].map(([field, { value, mask }]) => {
    const full = mask === (1n << BigInt(fieldWidths[field])) - 1n;
    return `${field}=${value.toString(16)}${full ? '' : `/${mask.toString(16)}`}`;
  });
  return [...(inport === undefined ? [] : [`inport=${inport}`]), ...said.sort()].join(' ');
}

const meanings: [expression: string, meaning: string][] = [
  ['eth.dst==0a:00:00:00:00:02', 'eth.dst=a0000000002'],
  ['eth.dst == A:0:0:0:0:2', 'eth.dst=a0000000002'],
  ['0a:00:00:00:00:02 == eth.dst', 'eth.dst=a0000000002'],
  ['ip4.dst==10.0.0.2', 'eth.type=800 ip4.dst=a000002'],
  ['ip4.dst == 10.0.0.0/8', 'eth.type=800 ip4.dst=a000000/ff000000'],
  ['ip4 == 1', 'eth.type=800'],
  ['ip4 != 0', 'eth.type=800'],
  ['ip4.dst == 10.0.0.1/8', 'eth.type=800 ip4.dst=a000000/ff000000'],
  ['ip4.dst == 10.0.0.0/255.0.0.0', 'eth.type=800 ip4.dst=a000000/ff000000'],
  ['ip6.dst == fe80::1', `eth.type=86dd ip6.dst=fe80${'0'.repeat(27)}1`],
  ['ip6.dst==::', 'eth.type=86dd ip6.dst=0'],
  ['icmp4 && icmp4.type==8', 'eth.type=800 icmp4.type=8 ip.proto=1'],
  ['icmp4.type==8', 'eth.type=800 icmp4.type=8 ip.proto=1'],
  ['ip4 && tcp.dst==0x50', 'eth.type=800 ip.proto=6 tcp.dst=50'],
  ['tcp.dst==80 && ip6.src==fd00::1', `eth.type=86dd ip.proto=6 ip6.src=fd00${'0'.repeat(27)}1 tcp.dst=50`],
  ['ip && ip4.src==1.2.3.4', 'eth.type=800 ip4.src=1020304'],
  ['icmp && ip6', 'eth.type=86dd ip.proto=3a'],
  ['ip.ttl==64 && arp || ip.ttl==64 && ip4', 'eth.type=800 ip.ttl=40'],
  ['eth.mcast', 'eth.dst=10000000000/10000000000'],
  ['!eth.mcast', 'eth.dst=0/10000000000'],
  ['!!eth.mcast', 'eth.dst=10000000000/10000000000'],
  ['eth.mcast == 1', 'eth.dst=10000000000/10000000000'],
  ['eth.mcast != 1', 'eth.dst=0/10000000000'],
  ['eth.bcast', 'eth.dst=ffffffffffff'],
  ['vlan.vid==5', 'vlan.tci=1005/1fff'],
  ['vlan.vid==5 && vlan.pcp==7', 'vlan.tci=f005'],
  ['!vlan.present', 'vlan.tci=0/1000'],
  ['ip4.mcast', 'eth.dst=10000000000/10000000000 eth.type=800 ip4.dst=e0000000/f0000000'],
  ['tcp.src[0..7] == 0x50 && ip4', 'eth.type=800 ip.proto=6 tcp.src=50/ff'],
  ['tcp.flags[1] && ip4', 'eth.type=800 ip.proto=6 tcp.flags=2/2'],
  ['nd_ns', 'eth.type=86dd icmp6.code=0 icmp6.type=87 ip.proto=3a ip.ttl=ff'],
  [
    'nd.target == fd00::2 && icmp6.type == 136',
    `eth.type=86dd icmp6.code=0 icmp6.type=88 ip.proto=3a ip.ttl=ff nd.target=fd00${'0'.repeat(27)}2`,
  ],
  ['arp.op==1 && arp.tpa == 10.0.0.2', 'arp.op=1 arp.tpa=a000002 eth.type=806'],
  ['rarp.op==3', 'arp.op=3 eth.type=8035'],
  ['ip.is_frag && !ip.later_frag && ip4', 'eth.type=800 ip.frag=1'],
  ['inport == "vm1" && ip4', 'inport=vm1 eth.type=800'],
  ['"vm\\"1" == inport', 'inport=vm"1'],
  ['(ip4 && (udp))', 'eth.type=800 ip.proto=11'],
  ['ip4 && tcp.src == {80}', 'eth.type=800 ip.proto=6 tcp.src=50'],
  ['ip4 && tcp.src == {80, 81,} && tcp.src[0]', 'eth.type=800 ip.proto=6 tcp.src=51'],
  ['ip4 && !(ip.proto[0] || !ip.proto[1])', 'eth.type=800 ip.proto=2/3'],
  ['1', ''],
  ['1 && ip4', 'eth.type=800'],
  ['0 || ip4', 'eth.type=800'],
  ['mldv2', `eth.type=86dd icmp6.type=8f ip.proto=3a ip6.dst=ff02${'0'.repeat(26)}16`],
  ['eth.type == 0x88cc', 'eth.type=88cc'],
  ['ip4&&ip.proto==47', 'eth.type=800 ip.proto=2f'],
];

for (const [expression, meaning] of meanings)
  test(`means: ${expression}`, (t) => t.is(read(expression), meaning));

const errors: [expression: string, column: number, message: RegExp][] = [
  ['', 0, /field.*expected here, not the end/],
  ['ip4 &&', 6, /expected here, not the end/],
  ['ip4 && ip6', 7, /contradicts.*eth\.type/],
  ['ip4.dst==10.0.0.2 && ip6.src==::1', 21, /contradicts.*eth\.type/],
  ['tcp.dst==80', 0, /ambiguous: ip4 or ip6\?/],
  ['eth.bcast && icmp', 13, /ambiguous: icmp4 or icmp6\?/],
  ['ip4 && tcp.dst == {80, 443}', 7, /ambiguous: tcp\.dst == 80 or tcp\.dst == 443\?/],
  ['ip4 && nd', 7, /contradicts/],
  ['nd.target==fd00::1', 0, /ambiguous: icmp6\.type == 135 or icmp6\.type == 136\?/],
  ['ip4 && tcp.dst > 80', 15, /only "==" says/],
  ['80 < tcp.dst', 3, /only "==" says/],
  ['tcp.dst != 80', 0, /leaves open/],
  ['!ip4', 0, /leaves open/],
  ['eth.dst=0a:00:00:00:00:01', 7, /"=="/],
  ['ip4.foo == 1', 0, /there is no field "ip4\.foo"/],
  ['ip4 && foo', 7, /there is no field "foo"/],
  ['reg0 == 1', 0, /nothing that a frame has/],
  ['ct.new', 0, /nothing that a frame has/],
  ['outport == "vm2"', 0, /nothing that a frame has/],
  ['ip4 == 2', 7, /predicate: 0 or 1/],
  ['ip4 == 0', 0, /leaves open/],
  ['ip4 == "x"', 7, /predicate: 0 or 1/],
  ['eth.dst', 0, /needs a value/],
  ['eth.dst ==', 10, /value is expected here, not the end/],
  ['eth.dst == 10.0.0.1', 11, /48 bits.* of 32/],
  ['ip4.dst == fd00::1', 11, /32 bits.* of 128/],
  ['ip.ttl == 256 && ip4', 10, /8 bits: 256 does not fit/],
  ['ip4.src == 10.0.0.0/33', 11, /at most 32 bits/],
  ['eth.dst == "x"', 11, /with a number/],
  ['eth.dst[48]', 8, /bits 0 to 47/],
  ['eth.dst[5..4] == 0', 12, /lower bit comes first/],
  ['inport == vm1', 10, /value is expected/],
  ['inport == 5', 0, /inport is one port/],
  ['inport != "vm1"', 0, /inport is one port/],
  ['inport == "a" && inport == "b"', 17, /contradicts/],
  ['inport == "a', 10, /quotation mark/],
  ['(ip4', 4, /"\)" is expected/],
  ['ip4)', 3, /"&&" or the end/],
  ['ip4 ip6', 4, /"&&" or the end/],
  ['ip4 & ip6', 4, /"&" is not understood/],
  ['ip4.src == $as', 11, /address sets/],
  ['ip4 && tcp.src == {}', 19, /empty/],
  ['0', 0, /never true/],
  ['5', 1, /"==" is expected/],
  [`${'('.repeat(60)}ip4${')'.repeat(60)}`, 41, /too deeply/],
  [`${'ip4&&'.repeat(1000)}ip4`, 4096, /longer than/],
  ['ip4 && \u{1f600}', 7, /"\u{1f600}" is not understood/u],
];

for (const [expression, column, message] of errors)
  test(`error in: ${expression.slice(0, 60)}`, (t) => {
    const error = t.throws(() => parseMicroflow(expression), { instanceOf: ExpressionError, message });
    t.is(error.column, column);
  });

test('every predicate of OVN means something', (t) => {
  for (const name of predicates.keys())
    t.notThrows(() => {
      try {
        parseMicroflow(name);
      } catch (error) {
        // Some are several kinds of packet.
        if (!(error instanceof ExpressionError && /ambiguous/.test(error.message))) throw error;
      }
    }, name);
});

test('no text throws anything but an expression error', (t) => {
  const random = generator(7);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const words = [
    ...symbols.keys(),
    ...predicates.keys(),
    ...[
      '&&',
      '||',
      '!',
      '(',
      ')',
      '{',
      '}',
      ',',
      '==',
      '!=',
      '<',
      '[',
      ']',
      '..',
      '/',
      '"',
      '$',
      '@',
      '=',
      '\\',
    ],
    ...['0', '1', '80', '0x800', '10.0.0.1', 'fd00::1', '0a:00:00:00:00:01', '24', '"vm1"', 'inport', '::'],
    ...[
      '999.1.1.1',
      '1:2',
      'é',
      '\0',
      '\n',
      'constructor',
      '__proto__',
      '99999999999999999999999999999999999999999',
    ],
  ];
  let understood = 0;
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: 1 + Math.floor(random() * 9) }, () => pick(words)).join(
      pick(['', ' ']),
    );
    try {
      parseMicroflow(text);
      understood++;
    } catch (error) {
      if (!(error instanceof ExpressionError)) return t.fail(`${JSON.stringify(text)}: ${error}`);
      if (error.column < 0 || error.column > text.length)
        return t.fail(`${JSON.stringify(text)}: ${error.column}`);
    }
  }
  t.true(understood > 100, `${understood} were understood`);
});

test('a long expression is read in no time', (t) => {
  for (const part of ['ip || arp', '(ip4 || ip6 && (icmp || tcp))', 'ip6.mcast_flood || !eth.mcast']) {
    const text = Array.from({ length: Math.floor(4000 / (part.length + 6)) }, () => `(${part})`).join(' && ');
    t.throws(() => parseMicroflow(text), { instanceOf: ExpressionError });
  }
});

/** Numbers in [0, 1) that are the same each time (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
