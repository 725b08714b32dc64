import test from 'ava';
import { enterPrivateNetns } from '../../netlink/testsupport/privateNetns.js';
import { Lab, telling, udpPacket } from '../testsupport/lab.js';
import { CompileError, type ModuleInstance } from './index.js';

enterPrivateNetns();

/** Cursors at the headers of udpPacket(). */
const HEADERS = `
  u8 *cursor = 0;
  struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
  struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
  struct udp_t *udp = cursor_advance(cursor, sizeof(*udp));`;

/** What the module tells of a packet, and what has become of that. */
async function tell(
  lab: Lab,
  source: string,
  look?: (tables: ModuleInstance['tables']) => unknown,
  data = udpPacket(),
) {
  const module = await lab.module(5, source);
  try {
    const { metadata, data: packet } = await lab.inject(5, 3, data);
    return { words: metadata, packet, tables: look?.(module.tables) };
  } finally {
    module.close();
  }
}

test.serial('tables of every kind, and what adds to them', async (t) => {
  const lab = await Lab.open(t);
  const { words, tables } = await tell(
    lab,
    telling(
      `struct pair k = { 1, 2 }; u32 zero = 0; u64 one = 1, *count; struct prefix p = { 32, 0x0200000a }; u32 *hop; int key = 4;
       pairs.increment(k);
       pairs.increment(k, 40);
       pairs.atomic_increment(k);
       lengths.increment(bpf_log2l(md->pktlen));
       lengths.increment(bpf_log2l(md->pktlen), (2 + 1));
       by_pair.increment(k);
       per_cpu.increment(key);
       small_numbers.increment(key, 7);
       lru.update(&zero, &one);
       count = lru.lookup(&zero);
       words[0] = count ? *count : 0;
       hop = routes.lookup(&p);
       words[1] = hop ? *hop : 0;
       if (!defaults.lookup_or_try_init(&zero, &one)) return RX_DROP;
       programs.call(pkt, 1);
       words[2] = events.perf_submit(pkt, words, sizeof(words)) < 0 && events.perf_submit_skb(pkt, 8, &k, sizeof(k)) < 0;`,
      `struct pair { u16 a, b; }; struct prefix { u32 length; u32 ip; };
BPF_HASH(pairs, struct pair);
BPF_HISTOGRAM(lengths);
BPF_HISTOGRAM(by_pair, struct pair, 16);
BPF_PERCPU_ARRAY(per_cpu, u64, 8);
BPF_PERCPU_HASH(defaults, u32, u64);
BPF_ARRAY(small_numbers, u16, 8);
BPF_TABLE("lru_hash", u32, u64, lru, 16);
BPF_LPM_TRIE(routes, struct prefix, u32, 16);
BPF_PROG_ARRAY(programs, 4);
BPF_PERF_OUTPUT(events);
`,
    ),
    (all) => ({
      pairs: [...all.get('pairs')!.entries()],
      lengths: [...all.get('lengths')!.entries()].filter(({ value }) => value !== '0x0'),
      byPair: [...all.get('by_pair')!.entries()],
      perCpu: all.get('per_cpu')!.get('4')!.match(/0x1/g)!.length,
      small: all.get('small_numbers')!.get('4'),
      // No values, but no errors.
      none: ['programs', 'events'].map((name) => [...all.get(name)!.entries()]),
    }),
  );
  t.deepEqual(words, [1, 0, 1], 'perf_submit() has nobody who listens');
  t.deepEqual(tables, {
    pairs: [{ key: '{ 0x1 0x2 }', value: '0x2a' }],
    lengths: [{ key: '0x6', value: '0x4' }],
    byPair: [{ key: '{ 0x1 0x2 }', value: '0x1' }],
    perCpu: 1,
    small: '0x7',
    none: [[], []],
  });
});

test.serial('packets by helpers: bytes at offsets, checksums of changed fields, VLAN tags', async (t) => {
  const lab = await Lab.open(t);
  const right = await tell(
    lab,
    telling(`${HEADERS}
      u32 old = ip->src, new = 0x0a000063;
      u16 port = udp->sport, other = 53;
      incr_cksum_l3(&ip->hchecksum, old, new);
      incr_cksum_l4(&udp->crc, old, new, 1);
      incr_cksum_l4(&udp->crc, port, other, 0);
      ip->src = new;
      udp->sport = other;
      words[0] = load_byte(pkt, 14) << 16 | load_half(pkt, 12);
      words[1] = load_word(pkt, (u64)ip + 12);
      words[2] = load_dword(pkt, 26) >> 32 == new;`)
      .replaceAll('*pkt', '*skb')
      .replaceAll('pkt,', 'skb,'),
    undefined,
    withChecksums(udpPacket()),
  );
  t.deepEqual(right.words, [0x450800, 0x0a000063, 1]);
  const wanted = udpPacket();
  wanted.writeUInt32BE(0x0a000063, 26);
  wanted.writeUInt16BE(53, 34);
  t.is(right.packet.toString('hex'), withChecksums(wanted).toString('hex'));

  const tagged = await tell(
    lab,
    telling(`struct __sk_buff *skb = pkt;
      bpf_skb_vlan_push(skb, htons(ETH_P_8021Q), 0x6007);
      words[0] = skb->vlan_present << 16 | skb->vlan_tci;
      words[1] = skb->len;
      bpf_skb_vlan_pop(skb);
      bpf_store_half(skb, 40, 0x1234);
      bpf_store_byte(skb, 42, 0xab);
      bpf_store_word(skb, 46, 0xdeadbeef);
      words[2] = !!bpf_ktime_get_ns() + (bpf_get_prandom_u32() != bpf_get_prandom_u32()) + (bpf_get_smp_processor_id() < bpf_num_cpus());`),
  );
  t.deepEqual(tagged.words, [0x16007, 50, 3]);
  t.is(tagged.packet.toString('hex', 38), '00101234ab626364deadbeef');
});

/** Of each kind of header: bytes, expressions that read it, and what they give. */
const WIRE: readonly (readonly [struct: string, bytes: string, reads: string[], wanted: number[]])[] = [
  ['dot1q_t', 'b0070800', ['h->pri << 4 | h->cfi', 'h->vlanid', 'h->type'], [0x51, 7, 0x800]],
  [
    'arp_t',
    '00010800060400020a0b0c0d0e0f0a0000010102030405060a000002',
    [
      'h->oper << 16 | h->hlen << 8 | h->plen',
      'h->spa + (h->sha == 0x0a0b0c0d0e0fULL)',
      'h->tpa + (h->tha == 0x010203040506ULL)',
    ],
    [0x20604, 0x0a000002, 0x0a000003],
  ],
  [
    'ip6_t',
    '6abcdef100281140fd000000000000010000000000000002fe800000000000000000000000000009',
    [
      'h->ver << 28 | h->priority << 20 | h->flow_label',
      'h->payload_len << 16 | h->next_header << 8 | h->hop_limit',
      '(h->src_hi == 0xfd00000000000001ULL) + (h->src_lo == 2) + (h->dst_hi >> 48 == 0xfe80) + h->dst_lo',
    ],
    [0x6abcdef1, 0x281140, 12],
  ],
  [
    'tcp_t',
    '00500051000000010000000250a51000abcd0003',
    [
      'h->offset << 8 | h->flag_cwr << 7 | h->flag_urg << 5 | h->flag_rst << 2 | h->flag_fin',
      'h->seq_num + h->ack_num + h->flag_ack + h->flag_syn',
      'h->rcv_wnd << 16 | h->cksum',
    ],
    [0x5a5, 3, 0x1000abcd],
  ],
  ['vxlan_gbp_t', '8800002a00007b00', ['h->gflag << 1 | h->iflag', 'h->tag', 'h->key'], [3, 42, 123]],
  ['vxlan_t', '0800000000007b00', ['h->iflag', 'h->key', 'h->rsv4'], [1, 123, 0]],
  ['icmp_t', '0800f7ff', ['h->type', 'h->code', 'h->checksum'], [8, 0, 0xf7ff]],
  ['icmp6_t', '8700f7ff', ['h->type', 'h->code', 'h->checksum'], [0x87, 0, 0xf7ff]],
  ['ip6_opt_t', '3a01', ['h->next_header', 'h->ext_len', '0'], [58, 1, 0]],
];

test.serial('headers of all kinds, as the wire has them', async (t) => {
  const lab = await Lab.open(t);
  const cases = WIRE.map(([struct, , reads], i) => {
    const words = reads.map((read, word) => `words[${word}] = ${read};`);
    return `case ${i + 1}: { struct ${struct} *h = cursor_advance(c, sizeof(*h)); ${words.join(' ')} break; }`;
  });
  const module = await lab.module(5, telling(`u8 *c = 0; switch (md->in_ifc) {\n${cases.join('\n')}\n}`));
  for (const [i, [struct, bytes, , wanted]] of WIRE.entries()) {
    const data = Buffer.alloc(60);
    data.write(bytes, 'hex');
    t.deepEqual((await lab.inject(5, i + 1, data)).metadata, wanted, struct);
  }
  module.close();
});

test.serial('cursors are given to functions, returned, and taken from where one is', async (t) => {
  const lab = await Lab.open(t);
  const { words, packet } = await tell(
    lab,
    `static u32 parse_ip(struct ip_t *header, void *skb);
static struct udp_t *behind(void *skb, u8 **at) {
  return cursor_advance(*at, sizeof(struct udp_t));
}
static u32 parse_ip(struct ip_t *header, void *skb) {
  header->ttl--;
  return header->src;
}
BPF_TABLE("hash", u32, u32, seen, 4);
${telling(`
      u8 *cursor = 0;
      struct ethernet_t *ethernet = (struct ethernet_t *)cursor;
      cursor_advance(cursor, sizeof(*ethernet));
      struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
      struct udp_t *udp = behind(pkt, &cursor);
      words[0] = parse_ip(ip, pkt);
      words[1] = udp->dport;
      words[2] = ethernet->type + (ip ? 1 : 0);`)}`,
  );
  t.deepEqual(words, [0x0a000001, 2000, ETH_P_IP + 1]);
  t.is(packet[22], 63);
  const refused = await t.throwsAsync(
    lab.engine.compile(
      `BPF_TABLE("hash", u32, u32, seen, 4);\n${telling(`${HEADERS}\nseen.lookup(&ip->src);`)}`,
    ),
    { instanceOf: CompileError },
  );
  t.regex(refused!.message, /module\.c:\d+: error: 'ip' is a cursor/);
});

test.serial(
  'C as it was: what later compilers refuse, and names that others declare themselves',
  async (t) => {
    const lab = await Lab.open(t);
    const { words } = await tell(
      lab,
      telling(
        `${HEADERS}
      switch (ethernet->type) {
        case ETH_P_IP: goto IP;
        default:
          return RX_DROP;
      }
      IP: // a declaration
      struct icmp_t *icmp = (void *)udp;
      words[0] = icmp->both + number(1);
      u32 *there = md->in_ifc;
      words[1] = (u32)there + min(3, 4) + ARRAY_SIZE(list) + sum();
      EOP:
        /* and another */
        u64 last = cpu_to_be64(1ULL) >> 56;
      memset(list, 0, sizeof(list));
      memcpy(list, words, 4);
      words[2] = last + (memcmp(list, words, 4) == 0) + list[1] + be16_to_cpu(0x0100) + likely(1);
      return tell_all(pkt, md, words);`,
        `#include "iomodule.h"
#include <linux/kernel.h>
#include <linux/skbuff.h>
#include <linux/if_vlan.h>
#include <linux/etherdevice.h>
#include <uapi/linux/ip.h>
#include <uapi/asm/byteorder.h>
#include <net/ip.h>
struct icmp_t { unsigned int both; } BPF_PACKET_HEADER;
struct ethhdr { u8 mine; };
static number(a) int a; { return a; }
static u16 list_size = 0;
inline int sum(void) {
  int i, total = 0;
  u8 numbers[4] = { 1, 2, 3, 4 };
  #pragma unroll
  for (i = 0; i < 4; i++)
    total += numbers[i];
  return total;
}
static __attribute__((noinline)) int tell_all(void *skb, struct metadata *md, u32 *words) {
  pkt_set_metadata(skb, words);
  pkt_controller(skb, md, 1);
  return RX_CONTROLLER;
}
`,
      ).replace('u32 words[3] = {};', 'u32 words[3] = {}; u32 list[2];'),
    );
    t.deepEqual(words, [0x03e807d1, 3 + 3 + 2 + 10, 1 + 1 + 0 + 1 + 1]);

    const missing = await t.throwsAsync(lab.engine.compile(telling('nowhere(1);')), {
      instanceOf: CompileError,
    });
    t.regex(missing!.message, /^module\.c:4:\d+: error: .*'nowhere'/);
  },
);

test.serial(
  'a local that a function returned a pointer to is not overwritten by the locals of the next',
  async (t) => {
    const lab = await Lab.open(t);
    const { words } = await tell(
      lab,
      `struct leaf { u32 a, b, c; };
BPF_TABLE("hash", u32, struct leaf, first, 4);
BPF_TABLE("hash", u32, struct leaf, second, 4);
static struct leaf *choose(u32 n) {
  struct leaf local = { n, n + 1, n + 2 }, *there = first.lookup(&n);
  if (!there) { first.update(&n, &local); there = &local; }
  return there;
}
static void other(u32 n) {
  struct leaf local = { 97, 98, 99 };
  second.update(&n, &local);
}
${telling('struct leaf *it = choose(md->in_ifc); other(7); other(8); words[0] = it->a; words[1] = it->b; words[2] = it->c;')}`,
    );
    t.deepEqual(words, [3, 4, 5]);
  },
);

test.serial('a module whose locals need more room than the stack has when each has its own', async (t) => {
  const lab = await Lab.open(t);
  const step = (n: number) =>
    `static u64 step${n}(u64 seed) { struct large local; u32 zero = 0;
      #pragma unroll
      for (int i = 0; i < 15; i++) local.many[i] = seed + i;
      local.a = 1; local.b = 2;
      last.update(&zero, &local);
      return local.many[14] + ${n}; }\n`;
  const { words } = await tell(
    lab,
    `struct large { u64 many[15]; u32 a, b; };\nBPF_TABLE("array", u32, struct large, last, 1);\n${[1, 2, 3, 4, 5].map(step).join('')}
${telling('words[0] = step5(step4(step3(step2(step1(md->in_ifc)))));')}`,
  );
  t.deepEqual(words, [3 + 5 * 14 + 15, 0, 0]);
});

const ETH_P_IP = 0x800;

/** Its IPv4 and UDP checksums made right. */
function withChecksums(packet: Buffer): Buffer {
  packet.writeUInt16BE(0, 24);
  packet.writeUInt16BE(0, 40);
  packet.writeUInt16BE(onesComplement(packet.subarray(14, 34), 0), 24);
  packet.writeUInt16BE(onesComplement(packet.subarray(26), 17 + packet.length - 34), 40);
  return packet;
}

function onesComplement(bytes: Buffer, start: number): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
