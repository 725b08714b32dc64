import type { Stage } from '../stage.js';

/** What an operator sees. */
export async function tables(stage: Stage): Promise<void> {
  const show = async (subcommand: string) => {
    const text = await stage.type('', `iovctl ${subcommand}`);
    stage.narrator.output(text);
    return text;
  };
  await stage.step(
    'What runs where',
    '2 nodes connected, 6 ports up with tap and IOModule instances, no problems',
    async () => {
      const nodes = await show('nodes');
      const ports = await show('ports');
      const modules = await show('modules');
      await show('drops');
      const problems = await show('problems');
      const present = ['vm1', 'vm2', 'vm3', 'vm4', 'vm5', 'vm6'].filter((name) => ports.includes(name));
      const connected = ['hv1', 'hv2'].filter((name) => new RegExp(`^${name} .* yes `, 'm').test(nodes));
      const none = /no problem/.test(problems);
      return {
        ok: connected.length === 2 && present.length === 6 && /portsec/.test(modules) && none,
        seen: `${connected.length} nodes, ${present.length} ports, ${none ? 'no problem' : 'problems'}`,
      };
    },
  );
}
