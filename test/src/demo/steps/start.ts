import { Lab } from '../../lab/index.js';
import type { Narrator } from '../narrator.js';

/** Builds the lab as the first step of the story. */
export async function start(narrator: Narrator, name: string, keep: boolean): Promise<Lab | undefined> {
  let lab: Lab | undefined;
  const title = 'OVN central, a coordinator, and an agent on each of two hypervisors';
  await narrator.step(title, 'all of them say SERVING (gRPC health)', async () => {
    const keys = 'external_ids:ovn-encap-type=vxlan external_ids:ovn-encap-ip=172.31.0.N';
    narrator.command('', 'ovsdb-server … nb.db   ovsdb-server … sb.db   ovn-northd …');
    narrator.command(
      '',
      'iovisor-coordinator --nb unix:nb.sock --sb unix:sb.sock --listen unix:coordinator.sock',
    );
    narrator.command('hvN', `ovs-vsctl set Open_vSwitch . external_ids:system-id=hvN ${keys}`);
    narrator.command('hvN', 'iovisor-agent --coordinator unix:coordinator.sock');
    lab = await Lab.create({ name, hypervisors: 2, outlive: keep });
    const rss = await lab.memory();
    const sizes = Object.entries(rss).map(([who, bytes]) => `${who} ${(bytes / 1e6).toFixed(0)} MB`);
    return { ok: true, seen: `all SERVING; resident: ${sizes.join(', ')}` };
  });
  return lab;
}
