import test from 'ava';
import { mirror_countersCodec } from '../gen/mirror.js';
import { Capture, ether, ModuleLab, number32, vethPair } from '../testing/index.js';
import { mirror } from './mirror.js';

const frame = ether(
  { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02', type: 0x88b5 },
  Buffer.alloc(86, 7),
);
const pair = vethPair();
const copies = new Capture(pair.peerIfindex);
test.after.always(() => copies.close());
const lab = new ModuleLab(mirror);
test.after.always(() => lab.close());

for (const [config, port1, port2] of [
  [{}, true, true],
  [{ direction: 'both' }, true, true],
  [{ direction: '1to2' }, true, false],
  [{ direction: '2to1' }, false, true],
  [{ direction: 'none' }, false, false],
] as const)
  test.serial(`${JSON.stringify(config)}: who listens at port 3 gets a copy`, (t) => {
    lab.link(3, 'listener', pair.ifindex);
    lab.configure(config);
    const before = mirror_countersCodec.decode(lab.map('counters').lookup(number32(1))!);
    t.like(lab.run(frame, 1), { action: 'forward', port: 2, data: frame });
    t.deepEqual(copies.waiting(), port1 ? [frame] : []);
    t.like(lab.run(frame, 2), { action: 'forward', port: 1, data: frame });
    t.deepEqual(copies.waiting(), port2 ? [frame] : []);
    t.deepEqual(mirror_countersCodec.decode(lab.map('counters').lookup(number32(1))!), {
      packets: before.packets + 1n,
      bytes: before.bytes + 100n,
      copied: before.copied + (port1 ? 1n : 0n),
    });
  });

test.serial('without a listener all passes', (t) => {
  lab.unlink(3);
  lab.configure({});
  t.like(lab.run(frame, 1), { action: 'forward', port: 2, data: frame });
});

test.serial(
  'the listener cannot send',
  (t) => void t.like(lab.run(frame, 3), { action: 'drop', reason: 'NOT_FOR_US' }),
);

test.serial(
  'a direction that there is not is refused',
  (t) =>
    void t.throws(() => lab.configure({ direction: 'up' }), {
      message: 'direction: one of both, 1to2, 2to1, none is wanted; not "up"',
    }),
);
