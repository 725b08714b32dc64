import { readFileSync } from 'node:fs';
import test from 'ava';
import { scene } from '../testing/scene.js';

/** A tenant as Neutron's ML2/OVN driver writes it, as arguments of ovn-nbctl. */
const tenant = readFileSync(new URL('../../fixtures/neutron-tenant.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  // A backslash keeps a space inside a word.
  .flatMap((line) => ['--', ...line.split(/(?<!\\) /).map((word) => word.replaceAll('\\ ', ' '))])
  .slice(1);

test('a Neutron tenant: what is not done yet is named row by row, and nothing it would protect is opened', async (t) => {
  const made = await scene(t);
  const { central } = made;
  const agent = await made.agent('hv1', { plugged: ['vm1', 'vm2'] });
  await central.nbctl('--wait=hv', ...tenant);
  for (const vm of ['vm1', 'vm2']) {
    const port = agent.port(vm);
    t.true(port?.local);
    t.regex(port?.failClosed ?? '', /^ACL "(drop|allow-related)" of Port_Group .* is not supported yet$/);
    t.is(port?.addresses[0]?.ips.length, 1);
    t.is(port?.portSecurity.length, 1);
  }
  t.is(agent.port('router-port')?.type, 'router');
  const problems = await made.problems();
  for (const pattern of [/ACLs/, /DHCPv4/, /router ports/, /logical routers/])
    t.true(
      problems.some((one) => pattern.test(one)),
      String(pattern),
    );
  for (const pattern of [/localnet/, /localport/]) t.false(problems.some((one) => pattern.test(one)));
  t.like(agent.port('metadata'), { local: true, type: 'localport', up: true });
  await central.nbctl(
    '--wait=hv',
    'destroy',
    'Port_Group',
    'neutron_pg_drop',
    '--',
    'destroy',
    'Port_Group',
    'pg_sg',
  );
  t.is(agent.port('vm1')?.failClosed, '');
});
