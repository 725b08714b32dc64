import test from 'ava';
import { probeInterval } from './probe-interval.js';

test('northd_probe_interval is read as ovn-northd does', (t) => {
  const cases = ['', 'soon', '0', '500', '60000', '1000ms', '-1'];
  const intervals = cases.map((value) => probeInterval(new Map([['northd_probe_interval', value]])));
  t.deepEqual(intervals, [5000, 5000, 0, 1000, 60_000, 1000, 1000]);
  t.is(probeInterval(new Map()), 5000);
  t.is(probeInterval(undefined), 5000);
});
