import { member, members, plugCommand, portCommand, spec } from '../cast.js';
import type { Stage } from '../stage.js';

/** A second network on the same hypervisors, with the same MACs and IPs. */
export async function isolation(stage: Stage): Promise<void> {
  const { lab } = stage;
  const green = members('green');

  await stage.step(
    'A second switch: other machines with the same MACs and IPs',
    '2 ports come up',
    async () => {
      await stage.type('', 'ovn-nbctl ls-add green');
      for (const one of green) await stage.type('', `ovn-nbctl ${portCommand(one)}`);
      for (const one of green) {
        const machine = await lab.addMachine(lab.hv(one.hypervisor), spec(one), { plug: false });
        await stage.type(`hv${one.hypervisor}`, plugCommand(one.name, machine.tap));
      }
      await lab.portsUp(...green.map(({ name }) => name));
      return { ok: true, seen: `${green.map(({ name }) => name).join(' and ')} are up` };
    },
  );

  await stage.step(
    'The two networks do not hear each other',
    'vm6 answers vm5, vm3 sees nothing of it, vm2 is out of reach',
    async () => {
      const { ip } = member('vm6');
      const [there, elsewhere] = await Promise.all([
        lab.vm('vm6').capture('icmp'),
        lab.vm('vm3').capture('icmp or arp'),
      ]);
      const inside = await stage.ping('vm5', ip);
      const outside = await stage.ping('vm5', '10.0.0.222', 2);
      await there.until(/ICMP echo reply/);
      // Everything that vm3 could have heard of this came before what vm1 sends it now.
      await lab.vm('vm1').ping(ip, { count: 1, size: 333 });
      await elsewhere.until(/length 341/);
      const heard = elsewhere.lines.filter((line) => !/length 341/.test(line) && !/ARP/.test(line)).length;
      await Promise.all([there.stop(), elsewhere.stop()]);
      return {
        ok: inside.received === inside.sent && outside.received === 0 && heard === 0,
        seen: `${inside.text} by vm6; vm3 saw ${heard} packets; vm2's address: ${outside.text}`,
      };
    },
  );
}
