import test from 'ava';
import { ip4, ip6, network } from '../e2e/support/network.js';
import { transfer } from '../e2e/support/transfer.js';
import { until } from '../lab/index.js';
import { type Dissection, dissect, hasTshark } from './tshark.js';
import { tunnelKeys } from './tunnelKeys.js';

/** Of tshark's enum for checksums: what it computed itself, or 0 over UDP, which it does not judge. */
const GOOD = '1';

for (const underlayFamily of ['ip4', 'ip6'] as const) {
  for (const encap of ['vxlan', 'geneve'] as const) {
    test.serial(`tshark reads ${encap} over ${underlayFamily} as what it claims to be`, async (t) => {
      if (!(await hasTshark())) {
        t.log('skipped: no tshark on this machine (Debian package tshark)');
        return t.pass();
      }
      const lab = await network({ encap, underlayFamily, machines: { 1: 1, 3: 2 } });
      t.teardown(() => lab.destroy());
      const [vm1, vm3] = [lab.vm('vm1'), lab.vm('vm3')];
      await until('vm3 answers', () => vm1.reaches(ip4(3), { waitSeconds: 1 }));
      // A real NIC finishes sums and segments; so the packets on this wire are to be complete as well.
      for (const hv of lab.hypervisors) await hv.netns.exec('ethtool', '-K', 'uplink', 'tx', 'off');
      const { netns } = lab.underlay;
      const packets = await dissect(netns, 'hv1', 'udp', async () => {
        t.true(await vm1.reaches(ip4(3), { count: 5 }));
        t.true(await vm1.reaches(ip6(3), { count: 5 }));
        for (const address of [ip4(3), ip6(3)]) await transfer(vm1, vm3, address, 1);
      });
      const keys = await tunnelKeys(lab);
      const ports = new Set<string>();
      let seen = 0;
      for (const packet of packets) {
        const first = (field: string) => packet.get(field)?.[0];
        if (first('udp.dstport') !== (encap === 'vxlan' ? '4789' : '6081')) continue;
        seen++;
        const what = first('frame.protocols');
        t.regex(
          what!,
          underlayFamily === 'ip4' ? /^eth:ethertype:ip:udp:/ : /^eth:ethertype:ipv6:udp:/,
          'the outer headers',
        );
        t.regex(what!, encap === 'vxlan' ? /:udp:vxlan:eth:/ : /:udp:geneve:eth:/, 'the frame inside');
        t.is(packet.get('_ws.malformed'), undefined, `malformed: ${what}`);
        for (const status of packet.get('ip.checksum.status') ?? []) t.is(status, GOOD, 'IPv4 checksum');
        outerSum(packet, (ok, text) => t.true(ok, `${text}: ${what}`));
        t.true(Number(first('udp.srcport')) >= 49152, 'source port from the range of RFC 7348');
        ports.add(first('udp.srcport')!);
        const outgoing = [first('ip.src'), first('ipv6.src')].includes(
          underlayFamily === 'ip4' ? '172.31.0.1' : 'fd31::1',
        );
        const [from, to] = outgoing ? [keys.vm1, keys.vm3] : [keys.vm3, keys.vm1];
        if (encap === 'vxlan') {
          t.is(Number(first('vxlan.flags')), 0x0800);
          const vni = Number(first('vxlan.vni'));
          t.is(vni & 0xfff, keys.datapath, 'datapath key');
          if (vni >> 12 < 0x800) t.is(vni >> 12, to, 'egress key');
        } else {
          t.is(Number(first('geneve.vni')), keys.datapath, 'VNI');
          t.is(Number(first('geneve.option.class')), 0x0102);
          t.is(first('geneve.option.type'), '0x80');
          const data = Number.parseInt(first('geneve.option.unknown.data')!, 16);
          t.is(data >>> 16, from, 'ingress key');
          if ((data & 0xffff) < 0x8000) t.is(data & 0xffff, to, 'egress key');
        }
      }
      t.true(seen > 100, `${seen} tunnel packets`);
      t.true(ports.size > 2, 'flows have different source ports');
    });
  }
}

/** Encap.options:csum is true unless somebody says otherwise, so every packet that is no GSO packet has a good one. */
function outerSum(packet: Dissection, is: (ok: boolean, text: string) => void): void {
  const sum = packet.get('udp.checksum')?.[0];
  const status = packet.get('udp.checksum.status')?.[0];
  is(sum === '0x0000' || status === GOOD, `outer UDP checksum ${sum} has status ${status}`);
}
