import test from 'ava';
import { type Hypervisor, until } from '../lab/index.js';
import { tunnels } from './support/iovctl.js';
import { ip4, ip6, network } from './support/network.js';
import { transfer } from './support/transfer.js';

/** Gives a hypervisor more addresses in the underlay, and these tunnel addresses. */
async function setAddresses(hypervisor: Hypervisor, addresses: string[], encapIps: string[]): Promise<void> {
  // The lab's namespaces have IPv6 turned off where nobody needs it.
  await hypervisor.netns.exec('sysctl', '-q', '-w', 'net.ipv6.conf.uplink.disable_ipv6=0');
  for (const address of addresses)
    await hypervisor.netns.ip(`addr add ${address} dev uplink${address.includes(':') ? ' nodad' : ''}`);
  const list = encapIps.join(',');
  await hypervisor.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', `external_ids:ovn-encap-ip="${list}"`);
}

// Everything else between the kinds of hypervisors over both families: src/overlay/matrix.test.ts.
test.serial('a tunnel moves to IPv6 when ovn-encap-ip does, and iovctl says how it is', async (t) => {
  const lab = await network({ encap: 'geneve', machines: { 1: 1, 3: 2 } });
  t.teardown(() => lab.destroy());
  for (const n of [1, 2]) await setAddresses(lab.hv(n), [`fd31::${n}/64`], [`fd31::${n}`]);
  await until('the tunnel is another', async () =>
    (await tunnels(lab)).some(({ node, remoteIp }) => node === 'hv1' && remoteIp === 'fd31::2'),
  );
  await until('vm3 is reached', () => lab.vm('vm1').reaches(ip4(3), { waitSeconds: 1 }));
  t.true(await lab.vm('vm3').reaches(ip4(1)));
  const { sent, received } = await transfer(lab.vm('vm1'), lab.vm('vm3'), ip6(3), 10);
  t.is(received, sent);
  const [tunnel] = (await tunnels(lab)).filter(({ node }) => node === 'hv1');
  t.like(tunnel, { chassis: 'hv2', encap: 'geneve', localIp: 'fd31::1', state: 'resolved', csum: true });
  t.true(Date.now() - Date.parse(tunnel!.lastSeen) < 60_000);
});

test.serial('a port with an encap-ip of its own is reached at that address', async (t) => {
  const lab = await network({ encap: 'geneve', machines: { 1: 1, 3: 2 } });
  t.teardown(() => lab.destroy());
  for (const n of [1, 2])
    await setAddresses(lab.hv(n), [`172.31.1.${n}/24`], [`172.31.0.${n}`, `172.31.1.${n}`]);
  const sentTo = async (ip: string) =>
    Number(
      (await tunnels(lab)).find(({ node, remoteIp }) => node === 'hv1' && remoteIp === ip)?.txPackets ?? -1,
    );
  await until('there are two tunnels', async () => (await sentTo('172.31.1.2')) >= 0);
  t.true(await lab.vm('vm1').reaches(ip4(3)));
  t.is(await sentTo('172.31.1.2'), 0, 'nobody asked for it');
  const own = 'external_ids:encap-ip=172.31.1.2';
  await lab.hv(2).vsctl('set', 'Interface', lab.vm('vm3').tap, own);
  await until('it is used', async () => {
    await lab.vm('vm1').reaches(ip4(3), { waitSeconds: 1 });
    return (await sentTo('172.31.1.2')) > 0;
  });
  t.true(await lab.vm('vm1').reaches(ip4(3)));
});
