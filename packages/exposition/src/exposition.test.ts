import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import test from 'ava';
import { counter, type Family, gauge, Histogram, lines, type Sample, serveMetrics } from './index.js';

const text = (...families: Family[]) => [...lines(families)].join('');

test('names, help and labels are escaped as the format asks', (t) => {
  const samples: Sample[] = [{ labels: { port: 'a"b\\c\nd' }, value: 7n }];
  t.is(
    text({ name: 'x_total', help: 'one\\two\nthree', type: 'counter', samples }),
    '# HELP x_total one\\\\two\\nthree\n# TYPE x_total counter\nx_total{port="a\\"b\\\\c\\nd"} 7\n',
  );
  t.is(text(gauge('g', 'h', Infinity)), '# HELP g h\n# TYPE g gauge\ng +Inf\n');
});

test('a histogram is cumulative, its bounds inclusive', (t) => {
  const histogram = new Histogram([1, 5]);
  for (const value of [0.5, 1, 3, 9]) histogram.observe(value);
  const found = text({ name: 's', help: '', type: 'histogram', samples: histogram.samples({ a: 'b' }) });
  t.deepEqual(found.split('\n').slice(2, -1), [
    's_bucket{a="b",le="1"} 2',
    's_bucket{a="b",le="5"} 3',
    's_bucket{a="b",le="+Inf"} 4',
    's_sum{a="b"} 13.5',
    's_count{a="b"} 4',
  ]);
});

function get(port: number, path = '/metrics', method = 'GET'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, path, method }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode!, body }));
    });
    sent.on('error', reject).end();
  });
}

test('a scrape of much lets the event loop turn, and several at once are each complete', async (t) => {
  function* many(): Generator<Sample> {
    for (let i = 0; i < 20_000; i++) {
      // What reading a counter costs.
      const until = performance.now() + 0.002;
      while (performance.now() < until);
      yield { labels: { port: `p${i}` }, value: i };
    }
  }
  const server = await serveMetrics({ host: '127.0.0.1', port: 0 }, () => [
    { name: 'many_total', help: 'Many.', type: 'counter', samples: many() },
  ]);
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const found = await Promise.all([get(port), get(port)]);
  clearInterval(timer);
  for (const { status, body } of found) {
    t.is(status, 200);
    t.is(body.split('\n').length, 20_003);
    t.true(body.endsWith('many_total{port="p19999"} 19999\n'));
  }
  t.true(turns > 5, `${turns} turns of the event loop`);
});

test('other paths and methods are told what there is', async (t) => {
  const server = await serveMetrics({ host: '127.0.0.1', port: 0 }, () => [counter('c_total', 'C.', 1)]);
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  t.like(await get(port, '/'), { status: 404 });
  t.like(await get(port, '/metrics', 'POST'), { status: 405 });
  t.like(await get(port, '/metrics?x=1'), {
    status: 200,
    body: '# HELP c_total C.\n# TYPE c_total counter\nc_total 1\n',
  });
});
