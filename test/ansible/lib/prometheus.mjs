import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../setup/lib/root.mjs';
import { until } from './command.mjs';

const program = '/usr/bin/prometheus';
export const hasPrometheus = existsSync(program);

/** Who listens on no port of the machine's: the site's own address. */
const address = '198.18.77.1:9090';

/**
 * A real Prometheus with the jobs of observability/, of which only names of machines and files are this site's. Resolves when every target is up with what
 * it says; rejects with what Prometheus says of those that are not.
 */
export async function scrapes(site, { coordinators, agents, files }) {
  const directory = join(site.directory, 'prometheus');
  mkdirSync(directory, { recursive: true });
  const targets = (machines, port) => JSON.stringify(machines.map(({ name }) => `${name}:${port}`));
  const jobs = readFileSync(join(root, 'observability/prometheus/scrape.yaml'), 'utf8')
    .replace(/\["central1.*?\]/, targets(coordinators, 9650))
    .replace(/\["hv1.*?\]/, targets(agents, 9651))
    .replaceAll('scrape_interval: 15s', 'scrape_interval: 1s\n  scrape_timeout: 1s')
    .replaceAll(/ca_file: .*/g, `ca_file: ${files.ca}`)
    .replaceAll(/cert_file: .*/g, `cert_file: ${files.cert}`)
    .replaceAll(/key_file: .*/g, `key_file: ${files.key}`);
  writeFileSync(join(directory, 'prometheus.yml'), `scrape_configs:\n${jobs}`);
  const hosts = [...coordinators, ...agents]
    .map((machine) => `${machine.address} ${machine.name}\n`)
    .join('');
  writeFileSync(join(directory, 'hosts'), `127.0.0.1 localhost\n${hosts}`);
  const options = [
    `--config.file=${directory}/prometheus.yml`,
    `--storage.tsdb.path=${directory}/data`,
    `--web.listen-address=${address}`,
  ];
  const script = `mount --bind ${directory}/hosts /etc/hosts; exec ${program} "$@"`;
  const child = spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', ...options], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const ask = async (path) => (await (await fetch(`http://${address}/api/v1/${path}`)).json()).data;
  const wanted = coordinators.length + agents.length;
  try {
    await until('every target is up', async () => {
      const { activeTargets: all } = await ask('targets');
      const wrong = all.filter(({ health }) => health !== 'up');
      if (all.length === wanted && wrong.length === 0) return true;
      throw new Error(
        wrong.map(({ scrapeUrl, lastError }) => `${scrapeUrl}: ${lastError || 'not asked yet'}`).join('; '),
      );
    });
    const { result } = await ask(
      `query?query=${encodeURIComponent('{__name__=~"iovisor_(agent|coordinator)_build_info"}')}`,
    );
    return result.map(({ metric }) => metric.instance).sort();
  } finally {
    child.kill();
    await ended;
  }
}
