import test from 'ava';
import { probeInterval } from './probe-interval.js';

test('northd_probe_interval is read as ovn-northd does', (t) => {
  const cases = [undefined, '', 'soon', '0', '500', '60000', '1000ms', '-1'];
  t.deepEqual(cases.map(probeInterval), [5000, 5000, 5000, 0, 1000, 60_000, 1000, 1000]);
});
