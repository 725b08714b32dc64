import test from 'ava';
import { null_countersCodec } from '../gen/null.js';
import { ether, ModuleLab, number32 } from '../testing/index.js';
import { nullModule } from './null.js';

const frame = ether({ src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02', type: 0x88b5 }, Buffer.alloc(86));
const counters = (lab: ModuleLab, port: number) =>
  null_countersCodec.decode(lab.map('counters').lookup(number32(port))!);

test('every packet is counted by its port, logged with its length, and ends here', (t) => {
  const lab = ModuleLab.open(t, nullModule);
  for (const port of [1, 1, 3]) t.like(lab.run(frame, port), { action: 'controller', taken: true });
  t.deepEqual(counters(lab, 1), { packets: 2n, bytes: 200n });
  t.deepEqual(counters(lab, 3), { packets: 1n, bytes: 100n });
  t.deepEqual(lab.logged, Array(3).fill('packet with len 100'));
});

test('sample_every: 3 logs the first of three; 0 logs none', (t) => {
  const lab = ModuleLab.open(t, nullModule);
  lab.configure({ sample_every: 3 });
  const actions = Array.from({ length: 6 }, () => lab.run(frame, 1).action);
  t.deepEqual(actions, ['controller', 'drop', 'drop', 'controller', 'drop', 'drop']);
  lab.configure({ sample_every: 0 });
  t.like(lab.run(frame, 1), { action: 'drop', reason: 'MODULE' });
});

for (const [config, message] of [
  [{ sample_every: -1 }, 'sample_every: an integer from 0 to 4294967295 is wanted; not -1'],
  [{ sample_evry: 1 }, 'sample_evry: there is no such field'],
] as const)
  test(`${JSON.stringify(config)} is refused, and changes nothing`, (t) => {
    const lab = ModuleLab.open(t, nullModule);
    lab.configure({ sample_every: 0 });
    t.throws(() => lab.configure(config), { name: 'ConfigError', message });
    t.is(lab.run(frame, 1).action, 'drop');
  });
