import test from 'ava';
import { addCommands, plug, scalePort, whenUp } from '../bench/scale/ports.js';
import { Lab } from '../lab/index.js';
import { ports } from './support/iovctl.js';
import { port, spec } from './support/network.js';

// A small version of `npm run bench -- --only scale`.
const SWITCHES = 10;
const PORTS = 50;
let lab: Lab;

test.before(async () => {
  lab = await Lab.create({ hypervisors: 2 });
  const networks = Array.from({ length: SWITCHES }, (_, n) => `net${n}`);
  await lab.nbctl(...networks.flatMap((name) => ['--', 'ls-add', name]).slice(1));
  await lab.nbctl(...[1, 3].flatMap((n) => port('net0', n)).slice(1));
  await lab.addMachine(lab.hv(1), spec(1));
  await lab.addMachine(lab.hv(2), spec(3));
  await lab.portsUp('vm1', 'vm3');
  await lab.sync();
});
test.after.always(() => lab?.destroy());

const portsAt = async (node: string): Promise<string[]> =>
  (await ports(lab)).filter((one) => one.node === node && one.up).map(({ name }) => name);

test.serial(
  '50 ports on 10 switches come at once, 50 more in turn, and go: all up, each time, and nobody else loses a packet',
  async (t) => {
    t.timeout(90_000);
    const series = await lab.vm('vm1').pingSeries(lab.vm('vm3'));
    const first = Array.from({ length: PORTS }, (_, n) => scalePort(n, SWITCHES));
    await Promise.all([plug(lab, 1, first), lab.nbctl(...addCommands(first).slice(1))]);
    await whenUp(lab, first);
    const later = Array.from({ length: PORTS }, (_, n) => scalePort(PORTS + n, SWITCHES));
    for (let n = 0; n < PORTS; n += 5) {
      const some = later.slice(n, n + 5);
      await Promise.all([
        plug(lab, n % 2 === 0 ? 1 : 2, some),
        lab.nbctl('--timeout=30', '--wait=hv', ...addCommands(some).slice(1)),
      ]);
    }
    await whenUp(lab, later);
    t.is((await portsAt('hv1')).length + (await portsAt('hv2')).length, 2 + 2 * PORTS);
    await lab.nbctl(
      ...['--timeout=30', '--wait=hv'],
      ...[...first, ...later].flatMap(({ name }) => ['--', 'lsp-del', name]).slice(1),
    );
    t.deepEqual([await portsAt('hv1'), await portsAt('hv2')], [['vm1'], ['vm3']]);
    t.is((await series.stop()).lost, 0);
  },
);
