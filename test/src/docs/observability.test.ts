import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dropReasons } from '@iovisor-ovn/iomodules';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { checkout, tryCommand } from '../lab/index.js';
import { allMetrics, definitionOf } from './definitions.js';
import { selectors } from './promql.js';
import { testWithPromtool } from './promtool.js';

interface Rule {
  alert: string;
  expr: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}
interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: Record<'x' | 'y' | 'w' | 'h', number>;
  datasource?: { type: string; uid: string };
  targets?: { expr: string; datasource: { uid: string } }[];
}
interface Variable {
  name: string;
  type: string;
  query: string | { query: string };
}

const folder = join(checkout, 'observability');
const read = (file: string) => readFileSync(join(folder, file), 'utf8');
const rules = () =>
  (parse(read('prometheus/rules.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
    (group) => group.rules,
  );

/** The data source that was chosen on the dashboard. */
const SELECTED = /^\$\{datasource\}$/;
/** What Prometheus itself adds. */
const TARGET_LABELS = ['instance', 'job'];

async function checkExpression(t: ExecutionContext, where: string, expression: string): Promise<void> {
  const metrics = await allMetrics();
  const found = selectors(expression);
  t.true(found.length > 0, `${where}: no metric in ${expression}`);
  for (const { metric, matchers } of found) {
    const definition = definitionOf(metric, metrics);
    t.true(definition !== undefined || metric === 'up', `${where}: there is no metric ${metric}`);
    const labels = [...Object.keys(definition?.labels ?? {}), ...TARGET_LABELS];
    if (metric.endsWith('_bucket')) labels.push('le');
    for (const [label, value] of matchers) {
      t.true(labels.includes(label), `${where}: ${metric} has no label ${label}`);
      if (label !== 'reason') continue;
      for (const pattern of value.split('|'))
        t.true(
          dropReasons.some(({ name }) => new RegExp(`^(?:${pattern})$`).test(name)),
          `${where}: no packet is dropped for the reason ${pattern}`,
        );
    }
  }
}

test('expressions are taken apart rightly', (t) => {
  const parts = selectors(
    'sum by (a, le) (rate(x_bucket{job=~".*y.*",le="0.25"}[5m])) / on(instance) (z or vector(0)) > 14 * 86400',
  );
  t.deepEqual(parts, [
    {
      metric: 'x_bucket',
      matchers: [
        ['job', '.*y.*'],
        ['le', '0.25'],
      ],
    },
    { metric: 'z', matchers: [] },
  ]);
});

test('alerts ask for metrics and labels that there are, say what to do, and each has a case', async (t) => {
  const cases = parse(read('prometheus/rules.test.yaml')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
  };
  const fires = new Set(
    cases.tests.flatMap(({ alert_rule_test: all }) =>
      all.filter(({ exp_alerts: alerts }) => alerts.length > 0).map(({ alertname }) => alertname),
    ),
  );
  const names = rules().map(({ alert }) => alert);
  t.is(new Set(names).size, names.length);
  t.deepEqual([...fires].sort(), [...names].sort());
  for (const { alert, expr, labels, annotations } of rules()) {
    await checkExpression(t, alert, expr);
    t.regex(labels.severity ?? '', /^(critical|warning|info)$/);
    t.truthy(annotations.summary && annotations.description, alert);
  }
});

testWithPromtool('promtool takes the jobs, which check certificates and show one', async (t) => {
  const jobs = parse(read('prometheus/scrape.yaml')) as Record<string, unknown>[];
  for (const { scheme, tls_config } of jobs) {
    t.is(scheme, 'https');
    t.deepEqual(Object.keys(tls_config as object).sort(), ['ca_file', 'cert_file', 'key_file']);
  }
  const directory = mkdtempSync(join(tmpdir(), 'iovisor-scrape-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'prometheus.yml');
  writeFileSync(file, `scrape_configs:\n${read('prometheus/scrape.yaml')}`);
  const { status, stdout, stderr } = await tryCommand(['promtool', 'check', 'config', '--syntax-only', file]);
  t.is(status, 0, stdout + stderr);
});

testWithPromtool('promtool takes the alerts, and they fire as their cases say', async (t) => {
  for (const command of ['check', 'test']) {
    const file = command === 'check' ? 'rules.yaml' : 'rules.test.yaml';
    const { status, stdout, stderr } = await tryCommand([
      'promtool',
      command,
      'rules',
      join(folder, 'prometheus', file),
    ]);
    t.is(status, 0, stdout + stderr);
  }
});

test('the dashboard can be imported, and its panels ask for metrics that there are', async (t) => {
  const dashboard = JSON.parse(read('grafana/iovisor-ovn.json')) as {
    id: unknown;
    uid: string;
    title: string;
    schemaVersion: number;
    panels: Panel[];
    templating: { list: Variable[] };
  };
  t.is(dashboard.id, null);
  t.regex(dashboard.uid, /^[\w-]{1,40}$/);
  t.true(dashboard.title !== '' && dashboard.schemaVersion >= 36);
  const variables = dashboard.templating.list;
  t.like(variables[0], { name: 'datasource', type: 'datasource', query: 'prometheus' });
  const ids = dashboard.panels.map(({ id }) => id);
  t.is(new Set(ids).size, ids.length);
  const taken = new Set<string>();
  for (const { type, title, gridPos, datasource, targets = [] } of dashboard.panels) {
    t.true(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        t.false(taken.has(`${x} ${y}`), `${title} lies over another panel`);
        taken.add(`${x} ${y}`);
      }
    if (type === 'row') continue;
    t.regex(datasource?.uid ?? '', SELECTED, title);
    t.true(targets.length > 0, title);
    for (const { expr, datasource: own } of targets) {
      t.regex(own.uid, SELECTED, title);
      await checkExpression(t, title, expr);
      for (const [, name] of expr.matchAll(/\$(\w+)/g))
        t.true(name!.startsWith('__') || variables.some((one) => one.name === name), `${title}: $${name}`);
    }
  }
  for (const { name, query } of variables.slice(1))
    await checkExpression(t, name, (query as { query: string }).query.replace(', instance', ''));
});
