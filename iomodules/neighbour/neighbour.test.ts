import test from 'ava';
import { iov_port_flag } from '../gen/abi.js';
import { arp, ether, icmp6Checksum, ip6, Lab, linkOption, nd } from '../testing/index.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';
const ALL = 'ff:ff:ff:ff:ff:ff';

const lab = new Lab();
lab.addSwitch(1);
const a = lab.addPort({ addresses: [`${A} 10.0.0.1 fd00::1`], set: iov_port_flag.IOV_PORT_VLAN_PASSTHRU });
lab.addPort({ addresses: [`${B} 10.0.0.2 fd00::2`] });
test.after.always(() => lab.close());

const solicitation = { type: 135, src: 'fd00::1', dst: 'ff02::1:ff00:2', target: 'fd00::2' } as const;
const advertisement = { type: 136, src: 'fd00::2', dst: 'fd00::1', target: 'fd00::2' } as const;
const toNode = { src: A, dst: '33:33:ff:00:00:02', type: 0x86dd };
const back = { src: B, dst: A, type: 0x86dd };
const answer = nd({ ...advertisement, flags: 0x60, options: [linkOption(2, B)] });

test.serial('an ARP request is answered to the byte', (t) => {
  const { packetOut, port } = lab.run(
    ether({ src: A, dst: ALL, type: 0x0806 }, arp({ sha: A, spa: '10.0.0.1', tpa: '10.0.0.2' })),
    a,
  );
  t.is(port, a.number);
  t.deepEqual(
    packetOut,
    ether({ src: B, dst: A, type: 0x0806 }, arp({ op: 2, sha: B, spa: '10.0.0.2', tha: A, tpa: '10.0.0.1' })),
  );
});

test.serial('padding of an ARP request stays, a tag too', (t) => {
  const ask = arp({ sha: A, spa: '0.0.0.0', tha: ALL, tpa: '10.0.0.2' });
  const reply = arp({ op: 2, sha: B, spa: '10.0.0.2', tha: A, tpa: '0.0.0.0' });
  const padding = Buffer.alloc(18, 0x5a);
  const { packetOut } = lab.run(
    ether({ src: A, dst: ALL, type: 0x0806, vlan: 7 }, Buffer.concat([ask, padding])),
    a,
  );
  t.deepEqual(packetOut, ether({ src: B, dst: A, type: 0x0806, vlan: 7 }, Buffer.concat([reply, padding])));
});

test.serial('the answer goes to the Ethernet sender, names the ARP sender', (t) => {
  const sha = '02:00:00:00:00:aa';
  const { packetOut } = lab.run(
    ether({ src: A, dst: ALL, type: 0x0806 }, arp({ sha, spa: '10.0.0.1', tpa: '10.0.0.2' })),
    a,
  );
  t.deepEqual(
    packetOut,
    ether(
      { src: B, dst: A, type: 0x0806 },
      arp({ op: 2, sha: B, spa: '10.0.0.2', tha: sha, tpa: '10.0.0.1' }),
    ),
  );
});

const shapes: [string, Buffer[]][] = [
  ['with its option', [linkOption(1, A)]],
  ['without options, so that the frame grows', []],
  ['with a nonce besides, so that it shrinks', [linkOption(1, A), Buffer.from([14, 1, 1, 2, 3, 4, 5, 6])]],
];
for (const [what, options] of shapes) {
  test.serial(`a solicitation ${what} is answered to the byte`, (t) => {
    const { packetOut, port } = lab.run(ether(toNode, nd({ ...solicitation, options })), a);
    t.is(port, a.number);
    t.deepEqual(packetOut, ether(back, answer));
  });
}

test.serial('the checksum of the answer is right', (t) => {
  const { packetOut } = lab.run(ether(toNode, nd(solicitation)), a);
  t.is(icmp6Checksum(ip6('fd00::2'), ip6('fd00::1'), packetOut.subarray(54)), 0);
});

test.serial('a tagged solicitation is answered with its tag', (t) => {
  const { packetOut } = lab.run(ether({ ...toNode, vlan: 7 }, nd(solicitation)), a);
  t.deepEqual(packetOut, ether({ ...back, vlan: 7 }, answer));
});

test.serial(
  'duplicate address detection is answered to all nodes, not as solicited (RFC 4861 7.2.4)',
  (t) => {
    const { packetOut, port } = lab.run(ether(toNode, nd({ ...solicitation, src: '::' })), a);
    t.is(port, a.number);
    const toAll = nd({ ...advertisement, dst: 'ff02::1', flags: 0x20, options: [linkOption(2, B)] });
    t.deepEqual(packetOut, ether({ src: B, dst: '33:33:00:00:00:01', type: 0x86dd }, toAll));
  },
);

test.serial('an answer passes port security of the one who asked, as any packet to it', (t) => {
  // The first element lets it send from any address, the second says what it may receive.
  const c = lab.addPort({ security: [A, `${A} fd00::7`] });
  const ask = (src: string) => lab.run(ether(toNode, nd({ ...solicitation, src })), c);
  t.is(ask('fd00::7').port, c.number);
  const { action, reason } = ask('fd00::1');
  t.is(action, 'drop');
  t.is(reason, 'portsec_out_ip6');
});

test.serial('the answer is counted at the port it goes to', (t) => {
  const before = lab.portCounters(a);
  const { packetOut } = lab.run(ether(toNode, nd(solicitation)), a);
  const after = lab.portCounters(a);
  t.is(after.tx_packets, before.tx_packets + 1n);
  t.is(after.tx_bytes, before.tx_bytes + BigInt(packetOut.length));
});
