import test from 'ava';
import { deviations } from '../faults/verify.js';
import { type Lab, serving, until } from '../lab/index.js';
import { ip4, network, port, spec } from './support/network.js';

let lab: Lab;
const vm = (n: number) => lab.vm(`vm${n}`);

test.before(async () => {
  lab = await network();
});
test.after.always(() => lab?.destroy());

/** What is lost of 10 ms pings, inside and across, while `work` runs and a moment after. */
async function lostDuring(work: () => Promise<unknown>): Promise<{ inside: number; across: number }> {
  const inside = await vm(1).pingSeries(ip4(2));
  const across = await vm(1).pingSeries(ip4(3));
  await work();
  await Promise.all([inside.answers(20), across.answers(20)]);
  return { inside: (await inside.stop()).lost, across: (await across.stop()).lost };
}

const none = { inside: 0, across: 0 };

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test.serial(
    `an agent ended by ${signal} leaves forwarding, its successor takes over: no ping lost`,
    async (t) => {
      const lost = await lostDuring(async () => {
        await lab.hv(1).stopAgent(signal);
        t.true(await vm(1).reaches(ip4(3)), 'it forwards without an agent');
        await lab.hv(1).startAgent();
        await lab.sync();
      });
      t.deepEqual(lost, none);
    },
  );
}

test.serial('what was changed while the agent was away is applied when it comes back', async (t) => {
  await lab.hv(1).stopAgent('SIGKILL');
  await lab.nbctl('lsp-del', 'vm2', '--', ...port('sw0', 5).slice(1));
  await lab.hv(1).startAgent();
  await lab.sync();
  t.is((await vm(1).ping(ip4(2), { count: 1 })).received, 0);
  await lab.nbctl('--wait=hv', ...port('sw0', 2).slice(1));
  await lab.portsUp('vm2');
  t.true(await vm(1).reaches(ip4(2)));
});

test.serial('a coordinator killed and started again: no ping lost, and it works on', async (t) => {
  const lost = await lostDuring(async () => {
    await lab.coordinator.stop('SIGKILL');
    t.true(await vm(1).reaches(ip4(3)));
    await lab.coordinator.start();
    await lab.sync();
  });
  t.deepEqual(lost, none);
  const vm5 = await lab.addMachine(lab.hv(2), spec(5));
  await lab.portsUp('vm5');
  await lab.sync();
  t.true(await vm5.reaches(ip4(1)));
});

test.serial('without a coordinator, --wait=hv blocks; with it, it returns', async (t) => {
  await lab.coordinator.stop();
  await t.throwsAsync(lab.nbctl('--timeout=1', '--wait=hv', 'sync'));
  await lab.coordinator.start();
  await lab.sync();
  t.pass();
});

test.serial(
  'an agent that starts while there is no coordinator leaves the data plane as it is',
  async (t) => {
    const lost = await lostDuring(async () => {
      await lab.coordinator.stop('SIGKILL');
      await lab.hv(1).stopAgent('SIGKILL');
      const agent = lab.hv(1).spawnAgent();
      // As a whole it is not SERVING without a coordinator. Its answer to ovs-vsctl says that it has started.
      await agent.during((signal) => serving(lab.hv(1).health, { service: 'ovsdb', signal }));
      await lab.hv(1).vsctl('set', 'Bridge', 'br-int', 'external_ids:answered=true');
      t.true(await vm(2).reaches(ip4(3)));
      await lab.coordinator.start();
      await lab.sync();
    });
    t.deepEqual(lost, none);
  },
);

test.serial('a Chassis row deleted by hand comes back and its ports are bound again', async (t) => {
  await lab.central.sbctl('chassis-del', 'hv1');
  await lab.central.sbctl('--timeout=10', 'wait-until', 'Chassis', 'hv1');
  await until('vm1 is bound to hv1', async () => {
    const chassis = ['--bare', '--columns=_uuid', 'find', 'Chassis', 'name=hv1'];
    const bound = ['--bare', '--columns=chassis', 'find', 'Port_Binding', 'logical_port=vm1'];
    const [uuid, binding] = await Promise.all([lab.central.sbctl(...chassis), lab.central.sbctl(...bound)]);
    return uuid !== '' && uuid === binding;
  });
  await lab.sync();
  t.true(await vm(1).reaches(ip4(3)));
});

test.serial('the cable of a hypervisor is pulled and plugged', async (t) => {
  await lab.underlay.setCable('hv2', false);
  t.is((await vm(1).ping(ip4(3), { count: 1 })).received, 0);
  t.true(await vm(1).reaches(ip4(2)));
  await lab.underlay.setCable('hv2', true);
  await until('vm1 reaches vm3', () => vm(1).reaches(ip4(3), { count: 1, waitSeconds: 1 }));
  await lab.sync();
});

test.serial('a hypervisor gets another underlay address', async (t) => {
  const hv2 = lab.hv(2);
  await hv2.netns.ip('addr add 172.31.0.20/24 dev uplink', 'addr del 172.31.0.2/24 dev uplink');
  await hv2.netns.ip('addr replace 172.31.0.20/24 dev uplink');
  await hv2.vsctl('set', 'Open_vSwitch', '.', 'external_ids:ovn-encap-ip=172.31.0.20');
  await until('SB has the new address', async () => {
    const encaps = await lab.central.sbctl('--bare', '--columns=ip', 'find', 'Encap', 'chassis_name=hv2');
    return encaps === '172.31.0.20';
  });
  await lab.sync();
  await until('vm1 reaches vm3', () => vm(1).reaches(ip4(3), { count: 1, waitSeconds: 1 }));
  t.true(await vm(3).reaches(ip4(1)));
});

test.serial('after all of this the data plane is as a fresh start would compute it', async (t) => {
  await lab.sync();
  t.deepEqual(await deviations(lab), []);
});
