import test from 'ava';
import { dropped } from '../e2e/support/iovctl.js';
import { ip4, mac, network } from '../e2e/support/network.js';
import { type Machine, type Netns, until } from '../lab/index.js';
import { tunnelKeys } from './tunnelKeys.js';

/** Sends UDP datagrams from an address of a namespace: a forger in the underlay, or a tenant. */
const sender = `
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
s.sendto(bytes.fromhex(sys.argv[4]), (sys.argv[2], int(sys.argv[3])))
`;

const send = (from: Netns, source: string, destination: string, port: number, payload: Buffer) =>
  from.exec('python3', '-c', sender, source, destination, `${port}`, payload.toString('hex'));

/** A frame for vm3 of an experimental type. */
const frame = Buffer.concat([
  Buffer.from(`${mac(3)}${mac(1)}88b5`.replaceAll(':', ''), 'hex'),
  Buffer.alloc(60, 0x66),
]);

for (const encap of ['vxlan', 'geneve'] as const) {
  test.serial(
    `${encap}: what no chassis sent is dropped under a reason, whoever it claims to be for`,
    async (t) => {
      const lab = await network({ encap, machines: { 1: 1, 3: 2 } });
      t.teardown(() => lab.destroy());
      await until('vm3 answers', () => lab.vm('vm1').reaches(ip4(3), { waitSeconds: 1 }));
      const keys = await tunnelKeys(lab);
      const { netns } = lab.underlay;
      await netns.ip('addr add 172.31.0.77/24 dev br0');
      const capture = await lab.vm('vm3').capture('ether proto 0x88b5 or icmp');
      const port = encap === 'vxlan' ? 4789 : 6081;

      // From an address that is no chassis, with the right keys.
      await send(netns, '172.31.0.77', '172.31.0.2', port, tunnel(encap, keys.datapath, keys.vm1, keys.vm3));
      await until('the forger is counted', async () => (await dropped(lab, 'tunnel_source')) > 0);

      // From a chassis: an unknown network, no port, a forged option, cut off.
      const hv1 = lab.hv(1).netns;
      const right = tunnel(encap, keys.datapath, keys.vm1, keys.vm3);
      const before = await dropped(lab, 'tunnel_key');
      await send(hv1, '172.31.0.1', '172.31.0.2', port, tunnel(encap, 4000, keys.vm1, keys.vm3));
      await send(hv1, '172.31.0.1', '172.31.0.2', port, tunnel(encap, keys.datapath, keys.vm1, 1999));
      await until('unknown keys are counted', async () => (await dropped(lab, 'tunnel_key')) === before + 2);
      const malformed = await dropped(lab, 'tunnel_malformed');
      const forged = Buffer.from(right);
      forged[0] = 0xff;
      const broken = [forged, right.subarray(0, 6), right.subarray(0, right.length - frame.length + 5)];
      for (const payload of broken) await send(hv1, '172.31.0.1', '172.31.0.2', port, payload);
      await until(
        'what is malformed is counted',
        async () => (await dropped(lab, 'tunnel_malformed')) === malformed + broken.length,
      );

      // By the encapsulation that neither has.
      const [other, otherPort] = encap === 'vxlan' ? (['geneve', 6081] as const) : (['vxlan', 4789] as const);
      const foreign = tunnel(other, keys.datapath, keys.vm1, keys.vm3);
      await send(hv1, '172.31.0.1', '172.31.0.2', otherPort, foreign);
      await until('the other encapsulation is counted', async () => (await dropped(lab, 'tunnel_type')) > 0);

      // The right one does come, so that silence above was no accident; then a ping is the end of the capture.
      await send(hv1, '172.31.0.1', '172.31.0.2', port, right);
      await lab.vm('vm1').reaches(ip4(3));
      await capture.until(/ICMP/);
      await capture.stop();
      t.is(capture.matching(/88b5/).length, 1, 'only the frame of a chassis with known keys was delivered');
    },
  );

  test.serial(
    `${encap}: what a machine sends to the tunnel port is payload, and does not reach the hypervisor`,
    async (t) => {
      const lab = await network({ encap, machines: { 1: 1, 2: 1, 3: 2 } });
      t.teardown(() => lab.destroy());
      await until('vm3 answers', () => lab.vm('vm1').reaches(ip4(3), { waitSeconds: 1 }));
      const keys = await tunnelKeys(lab);
      const inner = tunnel(encap, keys.datapath, keys.vm1, keys.vm3);
      const port = encap === 'vxlan' ? 4789 : 6081;
      for (const n of [2, 3]) {
        const packet = await alone(lab.vm(`vm${n}`), port, () =>
          send(lab.vm('vm1').netns, ip4(1), ip4(n), port, inner),
        );
        t.regex(packet, new RegExp(`${ip4(1)}.*> ${ip4(n)}\\.${port}`));
      }
      // A machine that takes the other chassis's address, and sends to its own hypervisor's.
      const vm1 = lab.vm('vm1');
      await vm1.setAddresses('172.31.0.2/24', `${ip4(1)}/24`);
      await vm1.netns.ip(`neigh replace 172.31.0.1 lladdr ${mac(3)} dev eth0`);
      const packet = await alone(lab.vm('vm3'), port, () =>
        send(vm1.netns, '172.31.0.2', '172.31.0.1', port, inner),
      );
      t.regex(packet, /172\.31\.0\.2.*> 172\.31\.0\.1/);
    },
  );
}

/** What OVN puts behind UDP, with `frame` inside. */
function tunnel(encap: 'vxlan' | 'geneve', datapath: number, from: number, to: number): Buffer {
  const header = Buffer.alloc(encap === 'vxlan' ? 8 : 16);
  if (encap === 'vxlan') {
    header[0] = 0x08;
    header.writeUIntBE((to << 12) | datapath, 4, 3);
  } else {
    header.writeUInt32BE(0x02406558, 0);
    header.writeUIntBE(datapath, 4, 3);
    header.writeUInt32BE(0x01028001, 8);
    header.writeUInt16BE(from, 12);
    header.writeUInt16BE(to, 14);
  }
  return Buffer.concat([header, frame]);
}

/** The UDP packet that a machine gets; throws when the frame inside it comes too, unpacked. */
async function alone(to: Machine, port: number, doing: () => Promise<unknown>): Promise<string> {
  const [packets, frames] = [
    await to.capture(`udp port ${port}`),
    await to.capture('ether proto 0x88b5 or icmp'),
  ];
  try {
    await doing();
    const packet = await packets.until(/IPv4/);
    // What came before a ping is in the capture by the time the ping is.
    await to.ping(ip4(1), { count: 1 });
    await frames.until(/ICMP/);
    if (frames.matching(/88b5/).length > 0) throw new Error(`unpacked: ${frames.lines.join('\n')}`);
    return packet;
  } finally {
    await packets.stop();
    await frames.stop();
  }
}
