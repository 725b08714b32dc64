import test from 'ava';
import type { Lab } from '../lab/index.js';
import { until } from '../lab/index.js';
import { ethernet, experiment } from './support/frames.js';
import { dropped } from './support/iovctl.js';
import { addresses, ip4, ip6, mac, network } from './support/network.js';

let lab: Lab;
const vm = (n: number) => lab.vm(`vm${n}`);

test.before(async () => {
  lab = await network({ machines: { 1: 1, 2: 1, 3: 2 }, portSecurity: true });
});
test.after.always(() => lab?.destroy());

/** Does `work` make the count of a drop reason at a port grow? */
async function countsDrop(reason: string, port: string, work: () => Promise<unknown>): Promise<void> {
  const before = await dropped(lab, reason, port);
  await work();
  await until(`${reason} at ${port}`, async () => (await dropped(lab, reason, port)) > before);
}

test.serial('with their own addresses the machines reach each other', async (t) => {
  t.true(await vm(1).reaches(ip4(2)));
  t.true(await vm(1).reaches(ip4(3)));
  t.true(await vm(1).reaches(ip6(3)));
});

test.serial('another source MAC is dropped as portsec_in_mac', async (t) => {
  const frame = ethernet(mac(2), '02:00:00:00:00:99', experiment, Buffer.alloc(50));
  await countsDrop('portsec_in_mac', 'vm1', () => vm(1).sendFrame(frame));
  t.pass();
});

test.serial('an ethertype that is neither IP nor ARP is dropped as portsec_in_ethertype', async (t) => {
  const frame = ethernet(mac(2), mac(1), experiment, Buffer.alloc(50));
  await countsDrop('portsec_in_ethertype', 'vm1', () => vm(1).sendFrame(frame));
  t.pass();
});

test.serial('another IPv4 source is dropped, also where ARP is not needed', async (t) => {
  await vm(1).netns.ip('addr add 10.0.0.77/24 dev eth0', `neigh replace ${ip4(2)} lladdr ${mac(2)} dev eth0`);
  await countsDrop('portsec_in_ip4', 'vm1', async () => {
    t.is((await vm(1).ping(ip4(2), { count: 1, extra: ['-I', '10.0.0.77'] })).received, 0);
  });
  await vm(1).netns.ip('addr del 10.0.0.77/24 dev eth0');
  t.true(await vm(1).reaches(ip4(2)));
});

test.serial('another IPv6 source is dropped, also where ND is not needed', async (t) => {
  await vm(1).netns.ip('addr add fd00::77/64 dev eth0', `neigh replace ${ip6(2)} lladdr ${mac(2)} dev eth0`);
  await countsDrop('portsec_in_ip6', 'vm1', async () => {
    t.is((await vm(1).ping(ip6(2), { count: 1, extra: ['-I', 'fd00::77'] })).received, 0);
  });
  await vm(1).netns.ip('addr del fd00::77/64 dev eth0');
  t.true(await vm(1).reaches(ip6(2)));
});

test.serial('the story of 2016: changed by hand, allowed, freed', async (t) => {
  await vm(2).setAddresses('10.0.0.22/24');
  await countsDrop('portsec_in_arp', 'vm2', async () => {
    await vm(2).flushNeighbours();
    t.is((await vm(2).ping(ip4(1), { count: 1 })).received, 0);
  });
  await lab.nbctl('--wait=hv', 'lsp-set-port-security', 'vm2', `${mac(2)} 10.0.0.22`);
  t.true(await vm(2).reaches(ip4(1)), 'the new address is allowed');
  t.true(await vm(3).reaches('10.0.0.22'), 'and found from the other hypervisor by flooded ARP');
  await lab.nbctl('--wait=hv', 'lsp-set-port-security', 'vm2');
  await vm(2).setAddresses('10.0.0.222/24');
  t.true(await vm(2).reaches(ip4(3)), 'without port security any address will do');
  await lab.nbctl('--wait=hv', 'lsp-set-port-security', 'vm2', addresses(2));
  t.is((await vm(2).ping(ip4(3), { count: 1 })).received, 0, 'back to the start');
  await vm(2).setAddresses(`${ip4(2)}/24`, `${ip6(2)}/64`);
  t.true(await vm(2).reaches(ip4(3)));
});

test.serial('changing port security of one port loses nothing of the others', async (t) => {
  const series = await vm(1).pingSeries(ip4(3));
  for (let i = 0; i < 10; i++) {
    await lab.nbctl('--wait=hv', 'lsp-set-port-security', 'vm1', `${addresses(1)} 10.0.0.${100 + i}`);
    await series.answers(2);
  }
  await lab.nbctl('--wait=hv', 'lsp-set-port-security', 'vm1', addresses(1));
  const { sent, lost } = await series.stop();
  t.is(lost, 0, `of ${sent}`);
});
