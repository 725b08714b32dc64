import test from 'ava';
import { enterPrivateNetns } from '../../netlink/testsupport/privateNetns.js';
import { Lab, telling, udpPacket } from '../testsupport/lab.js';
import { CompileError, EntryError, LoadError } from './index.js';

enterPrivateNetns();

test.serial('every construct of the dialect does what it says', async (t) => {
  const lab = await Lab.open(t);
  const run = async (source: string, data = udpPacket()) => {
    const module = await lab.module(5, source);
    try {
      return await lab.inject(5, 3, data);
    } finally {
      module.close();
    }
  };

  const seen = await run(telling('words[0] = md->in_ifc; words[1] = md->module_id; words[2] = md->pktlen;'));
  t.like(seen, { module: 5, port: 3, reason: 7, length: 50, metadata: [3, 5, 50] });
  t.deepEqual(seen.data, udpPacket());

  const cursor = `
    u8 *cursor = 0;
    struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
    struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
    struct udp_t *udp;
    udp = cursor_advance(cursor, sizeof(*udp));`;
  const loads = await run(
    telling(`${cursor}
      words[0] = ip->ver << 28 | ip->hlen << 24 | ip->df << 16 | ip->mf << 12 | ip->ttl;
      words[1] = ip->src;
      words[2] = ethernet->dst == 0x0a0000000002ULL && ethernet->type == ETH_P_IP ? udp->sport << 16 | udp->dport : 1;`),
  );
  t.deepEqual(loads.metadata, [0x45010040, 0x0a000001, 0x03e807d0], 'loads');

  const macros = await run(
    telling(
      `${cursor} words[0] = SOURCE; words[1] = bpf_htonl(ip->dst); words[2] = (u32)sizeof(*udp);`,
      '#define SOURCE ip->src\n',
    ),
  );
  t.deepEqual(macros.metadata, [0x0a000001, 0x0200000a, 8], 'loads in macros');

  const beyond = await run(
    telling(`${cursor} cursor += 100; udp = cursor_advance(cursor, 8); words[0] = udp->sport;`),
  );
  t.is(beyond.metadata[0], 0, 'beyond the packet');

  const stores = await run(
    telling(`${cursor}
      ip->ttl--;
      ip->tos += 1;
      ip->mf = 1; /* ü: bytes are not characters */
      ip->src = bpf_htonl(0x0100000a) + 6;
      udp->dport = udp->sport;
      ethernet->src = 0x0a0b0c0d0e0fULL;`),
  );
  t.is(
    stores.data.toString('hex'),
    '0a00000000020a0b0c0d0e0f0800' +
      '45130024123460003f110000' +
      '0a0000070a000002' +
      '03e803e800100000' +
      '6162636465666768',
    'stores',
  );

  const helper = `
static u8 skip(void *packet, u8 **cursor) {
  struct ip6_opt_t *opt = (void *)(*cursor);
  opt = cursor_advance(*cursor, sizeof(*opt));
  return opt->next_header;
}`;
  const inHelper = await run(
    telling('u8 *c = 0; c += 14; words[0] = skip(pkt, &c); words[1] = (unsigned long)c;', helper),
  );
  t.deepEqual(inHelper.metadata, [0x45, 22, 0], 'cursors in functions of the module');

  const direct = await run(
    telling(
      `struct __sk_buff *skb = (struct __sk_buff *)pkt;
       void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
       struct eth_hdr *eth = data;
       struct iphdr *ip = data + sizeof(*eth);
       if (data + sizeof(*eth) + sizeof(*ip) > data_end) return RX_DROP;
       switch (eth->proto) { case htons(ETH_P_IP): goto IP; default: return RX_DROP; }
       IP: ;
       __be32 l3sum = 0, old = ip->saddr, new = htonl(0x0a000063);
       l3sum = bpf_csum_diff(&old, 4, &new, 4, l3sum);
       ip->saddr = new;
       words[0] = eth->dst == 0x02000000000aULL;
       bpf_l3_csum_replace(skb, sizeof(struct eth_hdr) + offsetof(struct iphdr, check), 0, l3sum, 0);
       bpf_l4_csum_replace(skb, 40, 0, l3sum, 0x10 | 0x20);`,
      `#include <bcc/proto.h>
#include <bcc/helpers.h>
#include <uapi/linux/if_arp.h>
#include <uapi/linux/ip.h>
struct eth_hdr { __be64 dst:48; __be64 src:48; __be16 proto; } __attribute__((packed));\n`,
    ),
  );
  t.is(direct.metadata[0], 1);
  t.is(
    direct.data.toString('hex', 14, 34),
    '45120024123440004011ff9d0a0000630a000002',
    'direct access and checksums',
  );

  const tables = await run(
    telling(
      `struct key k = { 1, 2 }; struct leaf l = { 7, { 1, 2, 3 } }, *there;
       u32 zero = 0; u64 one = 1, *count;
       there = hash.lookup_or_init(&k, &l);
       there->number++;
       there = hash.lookup(&k);
       words[0] = there ? there->number : 0;
       k.a = 9; hash.update(&k, &l); k.a = 10; hash.insert(&k, &l); hash.delete(&k);
       count = counters.lookup(&zero);
       if (count) lock_xadd(count, 41);
       words[1] = count ? *count : 0;
       small.lookup_or_init(&k, &l);
       k.a = 11;
       there = small.lookup_or_init(&k, &l);
       words[2] = there->number + !!small.lookup(&k);
       numbers.update(&one, &one);
       percpu.update(&zero, &one);
       bpf_trace_printk("%d\\n", words[0]);`,
      `struct key { u32 a; u16 b; } __attribute__((packed)); struct leaf { u32 number; u16 list[3]; };
BPF_TABLE("hash", struct key, struct leaf, hash, 16);
BPF_TABLE("array", u32, u64, counters, 2);
BPF_TABLE("hash", struct key, struct leaf, small, 1);
BPF_TABLE("percpu_array", u32, u64, percpu, 1);
BPF_HASH(numbers);\n`,
    ),
  );
  t.deepEqual(tables.metadata, [8, 41, 7], 'tables; a full one yields the given value');

  const local = await run(
    telling(
      'words[0] = *choose(3); words[1] = *choose(500);',
      'static inline u32 *choose(u32 n) { u32 local = n + 1, *there = t.lookup(&n); if (!there) { t.update(&n, &local); there = &local; } return there; }\n',
    ).replace(/^/, 'BPF_TABLE("hash", u32, u32, t, 4);\n'),
  );
  t.deepEqual(local.metadata, [4, 501, 0], 'a pointer to what was local in an inlined function');
});

test.serial('tables are read and written as text', async (t) => {
  const lab = await Lab.open(t);
  const module = await lab.module(
    1,
    `struct key { u32 ip; __be64 mac:48; u8 pad[2]; }; struct leaf { u16 port; u64 packets; };
BPF_TABLE("hash", struct key, struct leaf, flows, 16);
BPF_TABLE("array", int, int, redirect, 2);
BPF_TABLE("percpu_array", u32, u64, each, 1);
static int handle_rx(void *skb, struct metadata *md) { return RX_DROP; }`,
  );
  t.deepEqual([...module.tables.keys()], ['modules', 'forward_chain', 'flows', 'redirect', 'each']);
  const flows = module.tables.get('flows')!;
  t.is(
    flows.keyDesc,
    '["key",[["ip","unsigned int"],["mac","unsigned long long",48],["pad","unsigned char",[2]]],"struct"]',
  );
  t.is(flows.leafDesc, '["leaf",[["port","unsigned short"],["packets","unsigned long long"]],"struct"]');
  t.deepEqual([flows.keySize, flows.leafSize], [16, 16]);
  flows.set('{ 0x0101000a 0x23405af887b6 [0 0] }', '{ 5 18446744073709551615 }');
  const entry = { key: '{ 0x101000a 0x23405af887b6 [ 0x0 0x0 ] }', value: '{ 0x5 0xffffffffffffffff }' };
  t.deepEqual([...flows.entries()], [entry]);
  t.is(flows.get(entry.key), entry.value);
  t.true(flows.delete(entry.key));
  t.false(flows.delete(entry.key));
  t.is(flows.get(entry.key), undefined);
  t.throws(() => flows.set('{ 1 }', '{ 1 1 }'), { message: 'error scanning key ({ 1 }) from string' });
  t.throws(() => flows.set('{ 1 2 [3 4] }', '{ 65536 1 }'), { message: /error scanning leaf/ });
  const redirect = module.tables.get('redirect')!;
  redirect.set('{1}', '{-2}');
  t.deepEqual(
    [...redirect.entries()],
    [
      { key: '0x0', value: '0x0' },
      { key: '0x1', value: '0xfffffffe' },
    ],
  );
  t.throws(() => redirect.set('2', '1'), {
    instanceOf: EntryError,
    message: 'unable to update element (2=1): E2BIG (argument list too long). It holds at most 2 entries',
  });
  t.throws(() => redirect.delete('1'), { instanceOf: EntryError, message: /unable to delete/ });
  module.tables.get('each')!.set('0', '6');
  t.regex(module.tables.get('each')!.get('0')!, /^\[ (0x6 )+\]$/);

  lab.engine.setPort(1, 2, [
    { kind: 'module', module: 4, port: 1 },
    { kind: 'interface', ifindex: 9 },
  ]);
  const chain = module.tables.get('forward_chain')!;
  t.is(chain.leafDesc, '["chain",[["hops","unsigned int",[4]]],"struct"]');
  t.is(chain.get('2'), '{ [ 0x10004 0x9 0x0 0x0 ] }');
  t.is([...chain.entries()].length, 128);
  t.throws(() => chain.set('2', '{ [ 1 2 3 4 ] }'), {
    instanceOf: EntryError,
    message: /written by links alone/,
  });
  t.regex(module.tables.get('modules')!.get('1')!, /^0x[0-9a-f]+$/);
  t.deepEqual(
    [...module.tables.get('modules')!.entries()].map(({ key }) => key),
    ['0x1'],
  );
});

test.serial('a public table is shared with modules that declare it extern', async (t) => {
  const lab = await Lab.open(t);
  const passive = '\nstatic int handle_rx(void *skb, struct metadata *md) { return RX_DROP; }';
  const extern = await lab.engine.compile(`BPF_TABLE("extern", int, int, shared, 4);${passive}`);
  t.throws(() => lab.engine.load(2, extern), {
    instanceOf: LoadError,
    message: /extern table shared: no loaded module/,
  });
  const owner = await lab.module(1, `BPF_TABLE_PUBLIC("array", int, int, shared, 4);${passive}`);
  const user = lab.engine.load(2, extern);
  user.tables.get('shared')!.set('3', '17');
  t.is(owner.tables.get('shared')!.get('3'), '0x11');
  await t.throwsAsync(lab.module(3, `BPF_TABLE_PUBLIC("hash", int, int, shared, 4);${passive}`), {
    instanceOf: LoadError,
    message: /module 1 has one of that name already/,
  });
  owner.close();
  t.is(user.tables.get('shared')!.get('3'), '0x11', 'it lives as long as it is used');
  t.throws(() => lab.engine.load(4, extern), { instanceOf: LoadError });
});

test.serial('what the compiler or the verifier refuses is said whole', async (t) => {
  const lab = await Lab.open(t);
  const compile = (source: string) => t.throwsAsync(lab.engine.compile(source), { instanceOf: CompileError });
  const syntax = await compile(
    'static int handle_rx(void *pkt, struct metadata *md) {\n\tif () {}\n\treturn RX_OK;\n}\n',
  );
  t.is(
    syntax?.message,
    'module.c:2:6: error: expected expression\n        if () {}\n            ^\n1 error generated.',
  );
  t.regex((await compile(''))!.message, /handle_rx/);
  const type = await compile(
    'BPF_TABLE("hush", int, int, t, 1);\nstatic int handle_rx(void *p, struct metadata *md) { return 0; }',
  );
  t.regex(type!.message, /module\.c:1:1: error: .*a table is of type hash, array/);

  const secret = await compile(
    '#include "/etc/passwd"\nstatic int handle_rx(void *p, struct metadata *md) { return 0; }',
  );
  t.notRegex(secret!.message, /root|bin\/|passwd:/);
  t.regex(secret!.message, /no header for modules/);
  t.regex(
    (await compile('#include "/etc/shadow"\n'))!.message,
    /file not found|Permission denied|cannot open|no header/i,
  );

  const cursor =
    'static int handle_rx(void *p, struct metadata *md) { u8 *c = 0; struct ip_t *ip = cursor_advance(c, 20);\n';
  t.regex(
    (await compile(`${cursor}struct ip_t copy = *ip; return copy.ttl; }`))!.message,
    /module\.c:2: error: 'ip' is a cursor/,
  );
  t.regex(
    (await compile(`${cursor}u8 *at = &ip->ttl; return *at; }`))!.message,
    /module\.c:2: error: 'ip' is a cursor/,
  );

  const refused = await lab.engine.compile(
    'static int handle_rx(void *pkt, struct metadata *md) { *(volatile int *)0 = 0; return RX_OK; }',
  );
  const error = t.throws(() => lab.engine.load(1, refused), { instanceOf: LoadError });
  t.regex(error!.message, /R\d invalid mem access/);
  t.regex(error!.message, /processed \d+ insns/);
  await t.throwsAsync(lab.engine.loadAsync(1, refused), {
    instanceOf: LoadError,
    message: /processed \d+ insns/,
  });
  const large = await lab.engine.compile(
    'BPF_TABLE("hash", u64, u64, t, 1000000000);\nstatic int handle_rx(void *p, struct metadata *md) { return 0; }',
  );
  t.throws(() => lab.engine.load(1, large), { instanceOf: LoadError, message: /tables would take/ });
});
