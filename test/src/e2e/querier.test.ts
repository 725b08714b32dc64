import test from 'ava';
import { Capture, Lab, type LabOptions, Netns, PhysicalNetwork, until } from '../lab/index.js';
import { ip4, port, spec } from './support/network.js';

const igmp = /^02:00:00:00:01:01 > 01:00:5e:00:00:01, .* 10\.0\.0\.254 > 224\.0\.0\.1: igmp query v3/;
// A MAC of stock's own, where NICs that filter do not listen.
const mld = /^02:00:00:00:01:01 > 33:33:00:00:00:0[01], .* fe80::1 > ff02::1: .*multicast listener query v2/;

const sides: Record<string, LabOptions> = {
  ours: { hypervisors: 2 },
  'the same on stock': { hypervisors: 0, stock: 2 },
};
for (const [side, options] of Object.entries(sides)) {
  test.serial(
    `a switch that asks for members of multicast groups, by each hypervisor to its own ports (${side})`,
    async (t) => {
      const lab = await Lab.create(options);
      t.teardown(() => lab.destroy());
      const physical = await PhysicalNetwork.create(lab.name, 'phys', lab.registry);
      await physical.attach(lab.hv(1));
      const host = await Netns.create(`${lab.name}-host`, lab.registry);
      await physical.connect(host, 'eth0', 'host');
      await host.ip('link set eth0 up', `addr add ${ip4(208)}/24 dev eth0`);
      const querier = [
        ...['mcast_snoop=true', 'mcast_querier=true', 'mcast_query_interval=2', 'mcast_query_max_response=3'],
        ...['mcast_eth_src=02:00:00:00:01:01', 'mcast_ip4_src=10.0.0.254', 'mcast_ip6_src="fe80::1"'],
      ].map((pair) => `other_config:${pair}`);
      await lab.nbctl(
        ...['ls-add', 's1', '--', 'set', 'Logical_Switch', 's1', ...querier],
        ...[1, 2].flatMap((n) => port('s1', n)),
        ...['--', 'ls-add', 's2', ...port('s2', 3)],
        ...['--', 'lsp-add', 's1', 'ln', '--', 'lsp-set-addresses', 'ln', 'unknown'],
        ...['--', 'set', 'Logical_Switch_Port', 'ln', 'type=localnet', 'options:network_name=phys'],
      );
      const announcements = await Capture.start(host, 'arp');
      await lab.addMachine(lab.hv(1), spec(1));
      await lab.addMachine(lab.hv(2), spec(2));
      await lab.addMachine(lab.hv(1), spec(3));
      await lab.portsUp('vm1', 'vm2', 'vm3');
      const [one, two, foreign, outside] = await Promise.all([
        ...[1, 2, 3].map((n) => lab.vm(`vm${n}`).capture('igmp or ip6')),
        Capture.start(host, 'igmp or ip6'),
      ]);
      const often = (capture: Capture, pattern: RegExp, times: number) =>
        until(`${times} times ${pattern}`, async () => capture.matching(pattern).length >= times, 20_000);
      // By the localnet port, too: ovn-controller means not to, but sets another flag.
      for (const capture of [one!, two!, outside!])
        for (const query of [igmp, mld]) await t.notThrowsAsync(often(capture, query, 2));
      // Who joins says so twice by itself; then it answers.
      await lab.vm('vm1').netns.ip('addr add 239.1.2.3/32 dev eth0 autojoin');
      for (const report of [/> 224\.0\.0\.22: igmp v3 report/, /> ff02::16: .*multicast listener report v2/])
        await t.notThrowsAsync(often(one!, report, 5));
      t.deepEqual(foreign!.matching(/02:00:00:00:01:01/), []);
      // The physical network was told where vm1 is; of one that is not at it, or elsewhere, nothing.
      await t.notThrowsAsync(
        announcements.until(/> ff:ff:ff:ff:ff:ff, .*who-has 10\.0\.0\.1 .*tell 10\.0\.0\.1,/),
      );
      t.deepEqual(announcements.matching(/tell 10\.0\.0\.[23],/), []);
    },
  );
}
