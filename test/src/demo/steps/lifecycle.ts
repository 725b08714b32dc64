import { member, portCommand } from '../cast.js';
import type { Stage } from '../stage.js';

/** Ports come and go; daemons die; packets do not care. */
export async function lifecycle(stage: Stage): Promise<void> {
  const { lab } = stage;

  await stage.step('A port is deleted', 'vm4 is cut off', async () => {
    await stage.type('', 'ovn-nbctl --wait=hv lsp-del vm4');
    const { received, text } = await stage.ping('vm4', '10.0.0.3', 2);
    return { ok: received === 0, seen: text };
  });

  await stage.step('… and added again, while its tap stayed plugged', 'all answered', async () => {
    await stage.type('', `ovn-nbctl --wait=hv ${portCommand(member('vm4'))}`);
    return stage.pingsWork(['vm4', '10.0.0.3'], ['vm4', '10.0.0.1']);
  });

  await stage.step(
    'Coordinator and both agents are killed and started again, while vm1 pings vm3 every 10 ms',
    'no ping lost: the IOModules forward on their own',
    async () => {
      const series = await lab.vm('vm1').pingSeries(lab.vm('vm3'));
      const { pid } = lab.coordinator.process!;
      await stage.type('', `kill -9 ${pid}   # iovisor-coordinator`);
      for (const { name, agent } of lab.hypervisors)
        await stage.type(name, `kill -9 ${agent!.pid}   # iovisor-agent`);
      await Promise.all([
        lab.coordinator.process!.exited,
        ...lab.hypervisors.map(({ agent }) => agent!.exited),
      ]);
      await series.answers(20);
      await lab.start();
      await stage.type('', 'ovn-nbctl --wait=hv sync');
      await series.answers(20);
      const { sent, lost } = await series.stop();
      return { ok: lost === 0, seen: `${lost} of ${sent} pings lost` };
    },
  );
}
