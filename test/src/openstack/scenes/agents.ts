import { until } from '../../lab/index.js';
import { type Site, seen } from './site.js';

/** A hypervisor whose agent is away is dead for Neutron, as with ovn-controller; its ports stay. */
export async function agents({ lab, api, narrator }: Site): Promise<void> {
  const alive = async () =>
    Object.fromEntries((await api.list('agents')).map(({ host, alive: is }) => [String(host), is === true]));
  await narrator.step('The agent of hv2 is killed', 'hv1 alive, hv2 dead', async () => {
    await lab.hv(2).stopAgent('SIGKILL');
    await until('hv2 is dead', async () => (await alive()).hv2 === false, 60_000);
    return seen((await alive()).hv1 === true, JSON.stringify(await alive()));
  });
  await narrator.step('It is started again', 'both alive', async () => {
    await lab.hv(2).startAgent();
    await until('both are alive', async () => Object.values(await alive()).every(Boolean), 60_000);
    return seen(true, JSON.stringify(await alive()));
  });
}
