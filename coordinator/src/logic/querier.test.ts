import test from 'ava';
import { querierOf } from './multicast.js';

const row = { _uuid: 'm', datapath: 'd', seq_no: 0, enabled: true, querier: true };
const sources = { eth_src: '02:00:00:00:00:01', ip4_src: '10.0.0.254', ip6_src: 'fe80::1' };

test('who asks, how often, from where; what the row does not say is as ovn-controller assumes it', (t) => {
  const querier = querierOf({ ...row, ...sources });
  t.like(querier, { interval: 150, maxResponse: 1 });
  t.is(Buffer.from(querier!.ip4Src).toString('hex'), '0a0000fe');
  t.is(querier!.ip6Src.length, 16);
  t.is(querierOf({ ...row, ...sources, idle_timeout: 1 })?.interval, 1);
  t.like(querierOf({ ...row, ...sources, query_interval: 7, query_max_resp: 3 }), {
    interval: 7,
    maxResponse: 3,
  });
});

test('nobody asks where it is off, or without a MAC, or without any address; a wrong address is none', (t) => {
  t.is(querierOf(undefined), undefined);
  for (const off of [
    { enabled: false },
    { querier: false },
    { eth_src: '' },
    { eth_src: 'x' },
    { ip4_src: '', ip6_src: '' },
    { ip4_src: 'fe80::1', ip6_src: '10.0.0.1' },
  ])
    t.is(querierOf({ ...row, ...sources, ...off }), undefined, JSON.stringify(off));
  t.is(querierOf({ ...row, ...sources, ip4_src: 'x' })?.ip4Src.length, 0);
});
