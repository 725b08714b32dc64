// docs/metrics.md: every metric, from the definitions that its families are made of.
import { code, generated, table } from './text.mjs';

/** @param {{ agent: object[], coordinator: object[], process: object[] }} definitions */
export function metricsPage({ agent, coordinator, process }) {
  const common = new Set(process.map(({ name }) => name));
  const own = (all) => all.filter(({ name }) => !common.has(name));
  return `# Metrics

${generated}

\`iovisor-coordinator --metrics ADDR\` and \`iovisor-agent --metrics ADDR\` serve \`GET /metrics\` in Prometheus’ text format: on a
network address with the certificates of \`--tls-…\`, to who has one of the same authority ([security](security.md#roles)); in plain HTTP on loopback, on a unix socket
(\`unix:PATH\`), and where \`--insecure-metrics-plaintext\` says so. Nothing is measured that nobody asks for, and a scrape
is sent in slices of a few milliseconds, so that it holds up nothing else.

A dashboard for Grafana is [\`observability/grafana/iovisor-ovn.json\`](../observability/grafana/iovisor-ovn.json), alerts are
[\`observability/prometheus/rules.yaml\`](../observability/prometheus/rules.yaml), the jobs that they expect
[\`observability/prometheus/scrape.yaml\`](../observability/prometheus/scrape.yaml).

No traffic makes a series: their number depends on what is configured, as the column “series” says. Those of a port go when the port goes. An agent with more
ports than \`--metrics-ports\` (2000; 0: none) adds the rest up as \`port="others"\`, a sum that never falls.

## Coordinator

${list(own(coordinator))}

## Agent

${list(own(agent))}

## Both

${list(process)}
`;
}

function list(definitions) {
  const rows = definitions.map(({ name, type, help, labels = {}, series }) => [
    code(name),
    type,
    help,
    Object.entries(labels)
      .map(([label, meaning]) => `${code(label)}: ${meaning}`)
      .join('; '),
    series,
  ]);
  return table(['metric', 'type', 'what', 'labels', 'series'], rows);
}
