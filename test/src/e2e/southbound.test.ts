import test from 'ava';
import type { Lab } from '../lab/index.js';
import { nodes, ports } from './support/iovctl.js';
import { network, port, spec } from './support/network.js';

let lab: Lab;
const column = (table: string, name: string, record: string) =>
  lab.central.sbctl('--bare', `--columns=${name}`, 'find', table, record);

test.before(async () => {
  lab = await network();
});
test.after.always(() => lab?.destroy());

test.serial('Chassis, Encap and Chassis_Private are what ovn-controller would write', async (t) => {
  t.is(await column('Chassis', 'hostname', 'name=hv1'), 'hv1');
  t.is(await column('Encap', 'type', 'ip=172.31.0.1'), 'vxlan');
  t.is(await column('Encap', 'chassis_name', 'ip=172.31.0.1'), 'hv1');
  t.is(await column('Chassis', 'nb_cfg', 'name=hv1'), '0');
  const config = await column('Chassis', 'other_config', 'name=hv1');
  for (const flag of ['port-up-notif', 'ct-no-masked-label', 'ovn-ct-lb-related', 'mac-binding-timestamp'])
    t.true(config.includes(`${flag}=true`), flag);
});

test.serial('--wait=hv counts on both hypervisors, and says when', async (t) => {
  const before = Date.now();
  await lab.nbctl('--wait=hv', 'sync');
  const wanted = await lab.nbctl('get', 'NB_Global', '.', 'nb_cfg');
  for (const name of ['hv1', 'hv2']) {
    t.is(await column('Chassis_Private', 'nb_cfg', `name=${name}`), wanted);
    t.true(Number(await column('Chassis_Private', 'nb_cfg_timestamp', `name=${name}`)) >= before - 1000);
  }
  for (const { name, ovsdb } of lab.hypervisors) {
    const nbCfg = await lab.central.sbctl('get', 'Chassis_Private', name, 'nb_cfg');
    const time = await lab.central.sbctl('get', 'Chassis_Private', name, 'nb_cfg_timestamp');
    await ovsdb.vsctl('wait-until', 'Bridge', 'br-int', `external_ids:ovn-nb-cfg=${nbCfg}`);
    t.is(await ovsdb.get('Bridge', 'br-int', 'external_ids:ovn-nb-cfg-ts'), time);
  }
});

test.serial('a port is up when it forwards: --wait=hv and lsp-get-up say so', async (t) => {
  await lab.nbctl(...port('sw0', 6).slice(1));
  t.is(await lab.nbctl('lsp-get-up', 'vm6'), 'down');
  const vm6 = await lab.addMachine(lab.hv(2), spec(6));
  await lab.portsUp('vm6');
  t.true(await vm6.reaches('10.0.0.1'), 'up means that it forwards, from the first packet');
});

test.serial('iovctl shows each port with its tap, hypervisor and IOModule instances', async (t) => {
  const shown = await ports(lab);
  const vm1 = shown.find(({ name }) => name === 'vm1');
  t.like(vm1, { node: 'hv1', up: true, switchName: 'sw0' });
  t.is(vm1?.local?.tap, 'tap1');
  t.true((vm1?.local?.instances.length ?? 0) > 0);
  for (const subcommand of ['status', 'nodes', 'ports', 'switches', 'modules', 'drops', 'problems'])
    t.true((await lab.coordinator.iovctl(subcommand)).length > 0, subcommand);
  t.deepEqual(
    (await nodes(lab)).map(({ chassis, connected }) => [chassis, connected]),
    [
      ['hv1', true],
      ['hv2', true],
    ],
  );
  t.is((await lab.coordinator.tryIovctl('health')).status, 0);
});
