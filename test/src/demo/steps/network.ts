import { readFileSync } from 'node:fs';
import { command } from '../../lab/index.js';
import { cast, members, plugCommand, portCommand, spec } from '../cast.js';
import type { Stage } from '../stage.js';

/** A switch, its ports, and machines plugged into them on two hypervisors. */
export async function network(stage: Stage): Promise<void> {
  const { lab } = stage;
  const blue = members('blue');

  await stage.step(
    'Two hypervisors have registered',
    'chassis hv1 and hv2; no ovn-controller, no ovs-vswitchd',
    async () => {
      const chassis = (await stage.type('', 'ovn-sbctl --bare --columns=name list Chassis'))
        .split(/\s+/)
        .sort();
      const running = await Promise.all(
        lab.hypervisors.map(({ netns }) => command(['ip', 'netns', 'pids', netns.name])),
      );
      const pids = running.join('\n').split('\n').filter(Boolean);
      const names = pids.map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
      const stock = names.filter((name) => /^ov[ns]-/.test(name));
      return {
        ok: chassis.join() === 'hv1,hv2' && stock.length === 0,
        seen: `chassis ${chassis.join(' and ')}; running on them: ${pids.length} iovisor-agent${stock.map((s) => `, ${s}`).join('')}`,
      };
    },
  );

  await stage.step(
    'A logical switch with four ports, each bound to one MAC and one IP',
    '4 ports',
    async () => {
      await stage.type('', 'ovn-nbctl ls-add blue');
      for (const one of blue) await stage.type('', `ovn-nbctl ${portCommand(one)}`);
      const ports = (await stage.type('', 'ovn-nbctl lsp-list blue')).split('\n');
      return { ok: ports.length === 4, seen: `${ports.length} ports` };
    },
  );

  await stage.step(
    'Four machines, plugged with plain ovs-vsctl',
    'every command returns at once, 4 ports come up',
    async () => {
      for (const one of cast.filter(({ network }) => network === 'blue'))
        await lab.addMachine(lab.hv(one.hypervisor), spec(one), { plug: false });
      const start = performance.now();
      for (const one of blue)
        await stage.type(`hv${one.hypervisor}`, plugCommand(one.name, lab.vm(one.name).tap));
      const plugged = performance.now() - start;
      await lab.portsUp(...blue.map(({ name }) => name));
      const states = [];
      for (const { name } of blue) states.push(await stage.type('', `ovn-nbctl lsp-get-up ${name}`));
      return {
        ok: states.every((state) => state === 'up') && plugged < 4000,
        seen: `${states.join(', ')}; ovs-vsctl took ${(plugged / blue.length).toFixed(0)} ms each`,
      };
    },
  );

  await stage.step('Ping inside a hypervisor', '3 of 3 answered', () => stage.pingsWork(['vm1', '10.0.0.2']));

  await stage.step('Ping across the hypervisors, through the VXLAN tunnel', 'all answered', async () => {
    return stage.pingsWork(['vm1', '10.0.0.3'], ['vm4', '10.0.0.2']);
  });
}
