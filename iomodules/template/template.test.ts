import test from 'ava';
import { ether, ModuleLab } from '../testing/index.js';
import { template } from './template.js';

const frame = (type: number) => ether({ src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02', type });

test('what comes in by one port leaves by the other', (t) => {
  const lab = ModuleLab.open(t, template);
  t.like(lab.run(frame(0x0800), 1), { action: 'forward', port: 2, data: frame(0x0800) });
  t.like(lab.run(frame(0x0800), 2), { action: 'forward', port: 1 });
});

test('the refused Ethernet type is dropped', (t) => {
  const lab = ModuleLab.open(t, template, { refused: 0x88b5 });
  t.like(lab.run(frame(0x88b5), 1), { action: 'drop', reason: 'POLICY' });
  t.like(lab.run(frame(0x0800), 1), { action: 'forward', port: 2 });
});

test('a configuration that makes no sense is refused', (t) => {
  const lab = ModuleLab.open(t, template);
  t.throws(() => lab.configure({ refused: 'IPv7' }), {
    message: 'refused: an integer from 0 to 65535 is wanted; not "IPv7"',
  });
});
