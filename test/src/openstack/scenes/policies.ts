import { type PluggedPort, plugPort, reach, statusOf } from '../plug.js';
import { instancePort, networkWithSubnet, type Site, seen } from './site.js';

/** What needs more than layer 2: it is said, and what would be open without it is closed. */
export async function policies(site: Site): Promise<void> {
  const { lab, api, narrator } = site;
  const network = await networkWithSubnet(site, 'policies', '192.168.70.0/24');
  const open = await instancePort(site, network, 'open', 'hv1');
  const plain = await plugPort(lab, lab.hv(1), 'open', open, 24);
  const problems = async () => lab.coordinator.iovctl('problems');

  await narrator.step(
    'A port with port security, a security group and an allowed address pair',
    'not ACTIVE, closed, and iovctl problems says that ACLs are why',
    async () => {
      const guarded = await instancePort(site, network, 'guarded', 'hv2', {
        port_security_enabled: true,
        allowed_address_pairs: [{ ip_address: '192.168.70.200' }],
      });
      const plugged: PluggedPort = await plugPort(lab, lab.hv(2), 'guarded', guarded, 24);
      await reach(api, 'ACTIVE', [plain]);
      await lab.sync();
      const status = await statusOf(api, guarded);
      const rows = await lab.nbctl('get', 'Logical_Switch_Port', guarded.id, 'port_security');
      const { received } = await plain.machine.ping(plugged.address, { count: 2, waitSeconds: 0.5 });
      const text = await problems();
      const said = /\bACLs?\b/.test(text);
      await api.remove('ports', guarded.id);
      return seen(
        status === 'DOWN' && received === 0 && said && rows.includes('192.168.70.200'),
        `${status}, ${received} answered, problem ${said ? 'said' : 'not said'}`,
      );
    },
  );
  await narrator.step(
    'A QoS policy with a bandwidth limit on a port',
    'the port works; iovctl problems says that the limit is not kept',
    async () => {
      const other = await instancePort(site, network, 'limited', 'hv2');
      const limited = await plugPort(lab, lab.hv(2), 'limited', other, 24);
      const policy = await api.create('qos/policies', { name: 'slow' }, 'policy');
      await api.create(
        `qos/policies/${policy.id}/bandwidth_limit_rules`,
        { max_kbps: 1000, max_burst_kbps: 800, direction: 'egress' },
        'bandwidth_limit_rule',
      );
      await api.update('ports', other.id, { qos_policy_id: policy.id });
      await reach(api, 'ACTIVE', [plain, limited]);
      await lab.sync();
      const rules = await lab.nbctl('--bare', '--columns=bandwidth', 'list', 'QoS');
      const answered = await plain.machine.reaches(limited.address);
      const said = /qos/i.test(await problems());
      await api.remove('ports', other.id);
      return seen(
        answered && said && rules.includes('rate=1000'),
        `answered ${answered}, problem ${said ? 'said' : 'not said'}, rows ${rules.trim()}`,
      );
    },
  );
  await api.remove('ports', open.id);
}
