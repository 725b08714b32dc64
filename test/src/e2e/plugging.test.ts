import test from 'ava';
import type { Lab } from '../lab/index.js';
import { until } from '../lab/index.js';
import { problems } from './support/iovctl.js';
import { addresses, ip4, network, spec } from './support/network.js';

let lab: Lab;
const vm = (n: number) => lab.vm(`vm${n}`);
const lsp = (name: string, n: number) => [
  ...['lsp-add', 'sw0', name],
  ...['--', 'lsp-set-addresses', name, addresses(n)],
];

test.before(async () => {
  lab = await network();
});
test.after.always(() => lab?.destroy());

test.serial('ovs-vsctl returns by itself, with an ofport for what was plugged', async (t) => {
  await lab.nbctl(...lsp('vm11', 11));
  // No --no-wait: the agent must answer cur_cfg; the command would end with an error after ten seconds.
  const vm11 = await lab.addMachine(lab.hv(1), spec(11));
  t.regex(await lab.hv(1).ovsdb.get('Interface', vm11.tap, 'ofport'), /^[1-9]\d*$/);
  await lab.portsUp('vm11');
  await lab.hv(1).vsctl('wait-until', 'Interface', vm11.tap, 'external_ids:ovn-installed=true');
  t.true(await vm11.reaches(ip4(3)));
});

test.serial('unplugging releases the port', async (t) => {
  await lab.hv(1).unplug('tap11');
  await lab.nbctl('--timeout=10', 'wait-until', 'Logical_Switch_Port', 'vm11', 'up=false');
  t.is(
    await lab.central.sbctl('--bare', '--columns=chassis', 'find', 'Port_Binding', 'logical_port=vm11'),
    '',
  );
  await lab.sync();
});

test.serial('a device that does not exist yet: said in the row, and plugged when it comes', async (t) => {
  const hv = lab.hv(1);
  const result = await hv.ovsdb.tryVsctl(
    ...['add-port', 'br-int', 'tap12', '--', 'set', 'Interface', 'tap12', 'external_ids:iface-id=vm12'],
  );
  t.is(result.status, 0);
  t.is(await hv.ovsdb.get('Interface', 'tap12', 'ofport'), '-1');
  t.regex(await hv.ovsdb.get('Interface', 'tap12', 'error'), /tap12.*No such device/);
  await lab.nbctl(...lsp('vm12', 12));
  const vm12 = await lab.addMachine(hv, spec(12), { plug: false });
  await lab.portsUp('vm12');
  await lab.sync();
  t.is(await hv.ovsdb.get('Interface', 'tap12', 'error'), '');
  t.true(await vm12.reaches(ip4(3)));
});

test.serial('a tap that vanishes releases its port, and gets it back', async (t) => {
  await vm(12).detach();
  await lab.nbctl('--timeout=10', 'wait-until', 'Logical_Switch_Port', 'vm12', 'up=false');
  t.is((await vm(3).ping(ip4(12), { count: 1 })).received, 0);
  t.true(await vm(1).reaches(ip4(3)), 'the others are not harmed');
  await vm(12).attach();
  await lab.portsUp('vm12');
  await lab.sync();
  t.true(await vm(12).reaches(ip4(3)));
});

test.serial('an iface-id that no switch knows is a problem until it is one', async (t) => {
  const vm13 = await lab.addMachine(lab.hv(1), { ...spec(13), port: 'typo' });
  const shown = () => problems(lab).then((all) => all.find(({ name }) => name === 'typo'));
  const problem = await until('the problem is listed', shown);
  t.is(problem.table, 'Interface');
  t.regex(problem.where, /hv1/);
  t.regex(problem.message, /typo|no logical switch port/);
  t.is((await vm13.ping(ip4(3), { count: 1 })).received, 0, 'it forwards nothing');
  await lab.nbctl(...lsp('vm13', 13));
  await lab.hv(1).vsctl('set', 'Interface', vm13.tap, 'external_ids:iface-id=vm13');
  await lab.portsUp('vm13');
  await lab.sync();
  await until('the problem is gone', async () => !(await shown()));
  t.true(await vm13.reaches(ip4(3)));
});

test.serial('an iface-id whose port is made later', async (t) => {
  const vm14 = await lab.addMachine(lab.hv(1), spec(14));
  const shown = () => problems(lab).then((all) => all.find(({ name }) => name === 'vm14'));
  await until('the problem is listed', shown);
  await lab.nbctl(...lsp('vm14', 14));
  await lab.portsUp('vm14');
  await until('the problem is gone', async () => !(await shown()));
  t.true(await vm14.reaches(ip4(3)));
});

test.serial(
  'two taps with one iface-id: the first keeps it, the second is a problem, and follows when the first goes',
  async (t) => {
    const hv = lab.hv(1);
    const second = await lab.addMachine(hv, { ...spec(1), name: 'double1', port: 'vm1', tap: 'dbl1' });
    const shown = () => problems(lab).then((all) => all.find(({ message }) => message.includes('dbl1')));
    const problem = await until('the problem is listed', shown);
    t.regex(problem.where, /hv1/);
    t.true(await vm(1).reaches(ip4(3)), 'the first is not harmed');
    t.is((await second.ping(ip4(3), { count: 1 })).received, 0);
    await hv.unplug(vm(1).tap);
    await until('the second took over', async () => second.reaches(ip4(3), { count: 1, waitSeconds: 1 }));
    await until('the problem is gone', async () => !(await shown()));
    await hv.unplug('dbl1');
    await hv.plug(vm(1).tap, 'vm1');
    await until('vm1 is back', () => vm(1).reaches(ip4(3), { count: 1, waitSeconds: 1 }));
  },
);

test.serial('lsp-del takes ovn-installed from the interface, lsp-add gives it back', async (t) => {
  const hv = lab.hv(1);
  const installed = () => hv.ovsdb.get('Interface', vm(2).tap, 'external_ids');
  t.regex(await installed(), /ovn-installed="true"/);
  await lab.nbctl('--wait=hv', 'lsp-del', 'vm2');
  await until('ovn-installed is gone', async () => !/ovn-installed/.test(await installed()));
  await lab.nbctl('--wait=hv', ...lsp('vm2', 2));
  await hv.vsctl('wait-until', 'Interface', vm(2).tap, 'external_ids:ovn-installed=true');
  t.true(await vm(2).reaches(ip4(3)));
});

test.serial('the local database restarts, and is wiped: packets go on, and everything heals', async (t) => {
  const hv = lab.hv(1);
  const series = await vm(2).pingSeries(ip4(3));
  await hv.ovsdb.stopServer('SIGKILL');
  await series.answers(20);
  await hv.ovsdb.startServer();
  await until('the agent answers ovs-vsctl again', async () => {
    await hv.vsctl('set', 'Bridge', 'br-int', 'external_ids:test=1');
    return true;
  });
  await series.answers(20);
  t.is((await series.stop()).lost, 0);

  await hv.ovsdb.wipe();
  await hv.vsctl('--no-wait', 'init');
  await hv.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', ...hv.settings());
  await hv.vsctl('--no-wait', 'wait-until', 'Bridge', 'br-int');
  for (const n of [1, 2]) await hv.plug(vm(n).tap, `vm${n}`);
  await until('vm2 is back', () => vm(2).reaches(ip4(3), { count: 1, waitSeconds: 1 }));
  await lab.sync();
  t.true(await vm(1).reaches(ip4(2)));
});
