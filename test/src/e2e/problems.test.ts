import test from 'ava';
import { type Lab, until } from '../lab/index.js';
import { problems } from './support/iovctl.js';
import { addresses, ip4, mac, network } from './support/network.js';

let lab: Lab;
const vm = (n: number) => lab.vm(`vm${n}`);

test.before(async () => {
  lab = await network();
});
test.after.always(() => lab?.destroy());

const about = (column: string) =>
  problems(lab).then((all) => all.find((p) => p.name === 'vm2' && p.column === column));

test.serial('a garbage element of addresses: named, the others count, healed', async (t) => {
  // ovn-nbctl's own lsp-set-addresses would refuse it; other clients do not.
  const value = `addresses="not-a-mac 1.2.3","${addresses(2)}"`;
  await lab.nbctl('--wait=hv', 'set', 'Logical_Switch_Port', 'vm2', value);
  const problem = await until('the problem is listed', () => about('addresses'));
  t.is(problem.table, 'Logical_Switch_Port');
  t.regex(problem.message, /not-a-mac/);
  await vm(1).flushNeighbours();
  t.true(await vm(1).reaches(ip4(2)));
  t.true(await vm(1).reaches(ip4(3)));
  await lab.nbctl('--wait=hv', 'lsp-set-addresses', 'vm2', addresses(2));
  await until('the problem is gone', async () => !(await about('addresses')));
  t.true(await vm(1).reaches(ip4(2)));
});

test.serial(
  'a garbage element of port_security: named, nothing passes that only it allows, healed',
  async (t) => {
    await lab.nbctl('--wait=hv', 'set', 'Logical_Switch_Port', 'vm2', 'port_security="02:00:00:00:00:0g"');
    const problem = await until('the problem is listed', () => about('port_security'));
    t.is(problem.table, 'Logical_Switch_Port');
    t.regex(problem.message, /02:00:00:00:00:0g/);
    t.is((await vm(2).ping(ip4(1), { count: 1 })).received, 0, 'it fails closed');
    t.true(await vm(1).reaches(ip4(3)), 'the others are not harmed');
    await lab.nbctl('--wait=hv', 'lsp-set-port-security', 'vm2', `${mac(2)} ${ip4(2)}`);
    await until('the problem is gone', async () => !(await about('port_security')));
    t.true(await vm(2).reaches(ip4(1)));
  },
);

test.serial('a port in two switches: both rows are named, the others are not harmed, healed', async (t) => {
  const uuid = await lab.nbctl('--bare', '--columns=_uuid', 'find', 'Logical_Switch_Port', 'name=vm2');
  await lab.nbctl('ls-add', 'sw9', '--', 'add', 'Logical_Switch', 'sw9', 'ports', uuid);
  const listed = () =>
    problems(lab).then((all) => all.find(({ message }) => /sw0/.test(message) && /sw9/.test(message)));
  await until('the problem is listed', listed);
  t.true(await vm(1).reaches(ip4(3)));
  await lab.nbctl('remove', 'Logical_Switch', 'sw9', 'ports', uuid, '--', 'ls-del', 'sw9');
  await until('the problem is gone', async () => !(await listed()));
  await lab.sync();
  t.true(await vm(1).reaches(ip4(2)));
});

test.serial(
  'an ACL, which is not supported yet, closes the ports it would police, and says so',
  async (t) => {
    await lab.nbctl('--wait=hv', 'acl-add', 'sw0', 'to-lport', '1000', 'icmp4', 'drop');
    await until('the problem is listed', () =>
      problems(lab).then((all) => all.find(({ message }) => /ACL/.test(message))),
    );
    t.is((await vm(1).ping(ip4(2), { count: 1 })).received, 0);
    await lab.nbctl('--wait=hv', 'acl-del', 'sw0');
    await until(
      'the problem is gone',
      async () => !(await problems(lab)).some(({ message }) => /ACL/.test(message)),
    );
    t.true(await vm(1).reaches(ip4(2)));
    t.true(await vm(1).reaches(ip4(3)));
  },
);
