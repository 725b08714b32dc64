import test from 'ava';
import { iov_slot, iov_tunnel_flag, iov_dest_kind as kind } from '../gen/abi.js';
import { encapsulated, ether, ipv4, ipv6, Lab, type Outer, udp, vethPair } from '../testing/index.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';

const lab = new Lab();
const under = vethPair();
test.after.always(() => lab.close());
lab.addSwitch(1, { key: 0x123 });
lab.addSwitch(2, { key: 0x124 });
const c = lab.addPort({ key: 11, addresses: [A] });
const b = lab.addPort({ key: 9, addresses: [B] });

const here = { srcMac: '02:00:00:00:01:01', dstMac: '02:00:00:00:01:02', src: '192.0.2.1', dst: '192.0.2.2' };
const back = ({ srcMac, dstMac, src, dst }: typeof here) => ({
  srcMac: dstMac,
  dstMac: srcMac,
  src: dst,
  dst: src,
});
const number32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const slots = { encap: iov_slot.IOV_SLOT_ENCAP_ANY, uplink: iov_slot.IOV_SLOT_UPLINK_ANY };

const outers = {
  vxlan: { type: 'vxlan', sport: 50000, vni: (9 << 12) | 0x123 },
  geneve: { type: 'geneve', sport: 50000, vni: 0x123, ingress: 7, egress: 9 },
} as const;
const inner = {
  IPv4: ether(
    { src: A, dst: B, type: 0x0800 },
    ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17 }, udp(1000, 2000)),
  ),
  IPv6: ether(
    { src: A, dst: B, type: 0x86dd },
    ipv6({ src: 'fd00::1', dst: 'fd00::2', next: 17 }, udp(1, 2)),
  ),
};

for (const [type, outer] of Object.entries(outers)) {
  for (const [family, frame] of Object.entries(inner)) {
    for (const sum of [false, true]) {
      test.serial(`${family} over ${type}${sum ? ' with a checksum' : ''} is common, both ways`, (t) => {
        const common = new Lab();
        t.teardown(() => common.close());
        common.addSwitch(1, { key: 0x123 });
        const from = common.addPort({ key: 7, addresses: [A] });
        const to = common.addPort({ key: 9, addresses: [] });
        common.addTunnel(
          1,
          under.ifindex,
          { ...here, type: outer.type },
          { set: sum ? iov_tunnel_flag.IOV_TUNNEL_CSUM : 0 },
        );
        common.addMac(1, B, { kind: kind.IOV_DEST_REMOTE, index: 1, egress_key: 9 });
        common.addTunnelDest(0x123, 9, { kind: kind.IOV_DEST_LOCAL, index: to.number, egress_key: 9 });
        for (const slot of Object.values(slots)) common.maps.iov_programs.delete(number32(slot));
        const packed = common.run(frame, from);
        t.is(packed.action, 'redirect');
        t.is(packed.packetOut.readUInt16BE(40) !== 0, sum);
        const arriving: Outer = { ...back(here), ...outer };
        const bytes = encapsulated(sum ? { ...arriving, checksum: true } : arriving, frame);
        for (const pass of ['by the hash table', 'by what it led to']) {
          const verdict = common.run(bytes, 'uplink');
          t.like(verdict, { action: 'redirect', port: to.number }, pass);
          t.deepEqual(verdict.packetOut, frame, pass);
        }
      });
    }
  }
}

test.serial('where a table led to once is not believed when the rows say otherwise', (t) => {
  const bytes = encapsulated({ ...back(here), ...outers.geneve }, inner.IPv4);
  const dest = (index: number) => ({ kind: kind.IOV_DEST_LOCAL, index, egress_key: 9 });
  lab.addTunnel(1, under.ifindex, { ...here, type: 'geneve' });
  lab.addTunnelDest(0x123, 9, dest(b.number));
  for (let i = 0; i < 2; i++)
    t.like(lab.run(bytes, 'uplink'), { port: b.number, scratch: { tunnel: 1, datapath: 1 } });

  // The chassis has another number, then another chassis has its number.
  lab.addTunnel(2, under.ifindex, { ...here, type: 'geneve' });
  lab.maps.iov_tunnels.update(number32(1), Buffer.alloc(lab.maps.iov_tunnels.valueSize));
  t.like(lab.run(bytes, 'uplink'), { port: b.number, scratch: { tunnel: 2 } });
  lab.addTunnel(2, under.ifindex, { ...here, dst: '192.0.2.9', type: 'geneve' });
  lab.maps.iov_tunnel_sources.delete(Buffer.from([192, 0, 2, 2, 192, 0, 2, 1]));
  t.like(lab.run(bytes, 'uplink'), { action: 'drop', reason: 'tunnel_source' });

  // The port is gone; another has its number; it is of another switch.
  lab.addTunnel(1, under.ifindex, { ...here, type: 'geneve' });
  t.like(lab.run(bytes, 'uplink'), { port: b.number });
  lab.maps.iov_tunnel_dests.delete(Buffer.from([0x23, 1, 0, 0, 9, 0, 0, 0]));
  const row = lab.maps.iov_ports.lookup(number32(b.number))!;
  lab.maps.iov_ports.update(number32(b.number), Buffer.alloc(row.length));
  t.like(lab.run(bytes, 'uplink'), { action: 'drop', reason: 'tunnel_key' });
  const moved = Buffer.from(row);
  moved.writeUInt32LE(2, 8); // datapath
  lab.maps.iov_ports.update(number32(b.number), moved);
  t.like(lab.run(bytes, 'uplink'), { action: 'drop', reason: 'tunnel_key' });
  lab.addTunnelDest(0x123, 9, dest(c.number));
  t.like(lab.run(bytes, 'uplink'), { port: c.number });
  lab.maps.iov_ports.update(number32(b.number), row);
});
