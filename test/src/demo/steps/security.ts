import { member } from '../cast.js';
import { dropsOf, increase } from '../drops.js';
import type { Stage } from '../stage.js';

/** Port security follows what the Northbound database says, at once. */
export async function security(stage: Stage): Promise<void> {
  const { mac } = member('vm2');

  await stage.step(
    'vm2 takes another address by hand',
    'no answer, and the drop is shown with its reason',
    async () => {
      const before = await dropsOf(stage, 'vm2');
      await stage.type('vm2', 'ip addr del 10.0.0.2/24 dev eth0; ip addr add 10.0.0.22/24 dev eth0');
      const { received, text } = await stage.ping('vm2', '10.0.0.1', 2);
      await stage.type('', 'iovctl drops');
      const drops = increase(before, await dropsOf(stage, 'vm2'));
      const reasons = [...drops].map(([reason, packets]) => `${packets} × ${reason}`);
      return {
        ok: received === 0 && [...drops.keys()].some((reason) => /^portsec_in_(arp|ip4)$/.test(reason)),
        seen: `${text}; dropped at vm2: ${reasons.join(', ') || 'nothing'}`,
      };
    },
  );

  await stage.step('Port security is changed to the new address', '3 of 3 answered', async () => {
    await stage.type('', `ovn-nbctl --wait=hv lsp-set-port-security vm2 "${mac} 10.0.0.22"`);
    return stage.pingsWork(['vm2', '10.0.0.1']);
  });

  await stage.step('Port security is removed: any address will do', 'all answered', async () => {
    await stage.type('', 'ovn-nbctl --wait=hv lsp-set-port-security vm2');
    await stage.type('vm2', 'ip addr del 10.0.0.22/24 dev eth0; ip addr add 10.0.0.222/24 dev eth0');
    return stage.pingsWork(['vm2', '10.0.0.1'], ['vm2', '10.0.0.3']);
  });
}
